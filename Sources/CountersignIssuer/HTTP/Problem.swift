internal import CountersignJSON
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// An error answer outside the token endpoint: `application/problem+json` (RFC 9457).
struct Problem: Error {
    let status: HTTPResponse.Status
    let detail: String
    /// A stable code that programs may compare, as the member `code`.
    var code: String?
    /// What to do, as the member `hint`.
    var hint: String?
    var headers = HTTPFields()

    static let notFound = Problem(
        status: .notFound, detail: "There is nothing at this address; see /.well-known/oauth-authorization-server."
    )

    /// - Parameter allowed: The value of the `Allow` field.
    static func methodNotAllowed(_ allowed: String) -> Problem {
        Problem(status: .methodNotAllowed, detail: "This address takes \(allowed) only.", headers: [.allow: allowed])
    }

    var response: Response {
        var members: JSONObject = [
            "type": "about:blank", "title": .string(status.reasonPhrase), "status": .integer(Int64(status.code)),
            "detail": .string(detail),
        ]
        if let code {
            members.append("code", .string(code))
        }
        if let hint {
            members.append("hint", .string(hint))
        }
        var headers = headers
        headers[.contentType] = "application/problem+json"
        // Cannot fail for members like these; an answer without its words is better than none.
        let body = (try? JSONWriter.bytes(.object(members))) ?? Array("{}".utf8)
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}
