internal import HTTPTypes
internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP1

/// An answer to a request that never reaches the application (RFC 9457). Made once: some are given when there is no time.
struct TransportRefusal {
    let response: WholeResponse
    let http2Header: HPACKHeaders
    let http2Body: ByteBuffer

    static let badRequest = TransportRefusal(.badRequest)
    static let timeout = TransportRefusal(.requestTimeout)
    static let headerTooLarge = TransportRefusal(.requestHeaderFieldsTooLarge)
    static let notImplemented = TransportRefusal(.notImplemented)
    static let overloaded = TransportRefusal(.serviceUnavailable, retryAfter: 1)

    /// - Parameter retryAfter: In how many seconds the same request may be answered otherwise.
    private init(_ status: HTTPResponse.Status, retryAfter: Int? = nil) {
        let body = #"{"type":"about:blank","title":"\#(status.reasonPhrase)","status":\#(status.code)}"#
        var fields: HTTPFields = [.contentType: "application/problem+json", .cacheControl: "no-store"]
        if let retryAfter { fields[.retryAfter] = String(retryAfter) }
        response = WholeResponse(status, fields: fields, body: Array(body.utf8))
        var header = HPACKHeaders([(":status", String(status.code)), ("content-length", String(body.utf8.count))])
        for field in fields { header.add(name: field.name.canonicalName, value: field.value) }
        http2Header = header
        http2Body = ByteBuffer(string: body)
    }
}

extension HTTPRequestHead {
    /// Whether another request may follow on the connection.
    ///
    /// HTTP/1.0 clients are served and closed. After a request to change protocols the parser stops, so it is the last one.
    var keepsConnection: Bool {
        version != .http1_0 && isKeepAlive && method != .CONNECT && !headers.contains(name: "upgrade")
    }

    /// Whether the client waits for a word before it sends the body. HTTP/1.0 has no such word.
    var expectsContinue: Bool {
        version != .http1_0 && headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
    }

    /// RFC 9112 3.2: exactly one Host field from HTTP/1.1 on; in no version more than one.
    var hasRequiredHost: Bool {
        let count = headers[canonicalForm: "host"].count
        return count == 1 || (count == 0 && version == .http1_0)
    }

    /// RFC 9112 6.1: the parser undoes `chunked` and leaves any other coding as it is.
    var hasKnownTransferCoding: Bool {
        headers[canonicalForm: "transfer-encoding"].allSatisfy { $0.lowercased() == "chunked" }
    }
}
