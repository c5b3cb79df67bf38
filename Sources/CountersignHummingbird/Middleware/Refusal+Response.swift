internal import Countersign
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore

extension Refusal {
    /// What the peer sees of a refusal (RFC 6750 section 3, RFC 9457), after it was logged with its reason.
    func response(to request: Request, realm: String, logger: Logger) -> Response {
        logger.info("request refused", metadata: ["reason": "\(reason)", "detail": "\(message)", "status": "\(status)"])
        var headers: HTTPFields = [.contentType: "application/problem+json", .cacheControl: "no-store"]
        if let challenge = challenge(realm: realm) { headers[.wwwAuthenticate] = challenge }
        if let retryAfter { headers[.retryAfter] = "\(retryAfter)" }
        let status = httpStatus
        let body = #"{"type":"about:blank","title":"\#(status.reasonPhrase)","status":\#(status.code)}"#
        let response = Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
        // On a kept connection a body here would be read as the beginning of the next response.
        return request.method == .head ? response.createHeadResponse() : response
    }

    /// With its phrase, which a status made from a number alone does not have.
    private var httpStatus: HTTPResponse.Status {
        switch status {
        case 403: .forbidden
        case 503: .serviceUnavailable
        default: .unauthorized
        }
    }
}
