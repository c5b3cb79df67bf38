internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// An error answer outside the token endpoint: `application/problem+json` (RFC 9457).
struct Problem {
    let status: HTTPResponse.Status
    let detail: String
    var headers = HTTPFields()

    static let notFound = Problem(
        status: .notFound, detail: "There is nothing at this address; see /.well-known/oauth-authorization-server."
    )

    /// - Parameter allowed: The value of the `Allow` field.
    static func methodNotAllowed(_ allowed: String) -> Problem {
        Problem(status: .methodNotAllowed, detail: "This address takes \(allowed) only.", headers: [.allow: allowed])
    }

    /// The texts are all ours and need no escaping.
    var response: Response {
        let body = #"{"type":"about:blank","title":"\#(status.reasonPhrase)","status":\#(status.code),"detail":"\#(detail)"}"#
        var headers = headers
        headers[.contentType] = "application/problem+json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
    }
}
