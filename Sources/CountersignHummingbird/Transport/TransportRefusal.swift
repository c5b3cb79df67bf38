internal import NIOHPACK
internal import NIOHTTP1

/// An answer to a request that never reaches the application (RFC 9457).
struct TransportRefusal {
    let status: HTTPResponseStatus

    static let badRequest = TransportRefusal(status: .badRequest)
    static let timeout = TransportRefusal(status: .requestTimeout)
    static let headerTooLarge = TransportRefusal(status: .requestHeaderFieldsTooLarge)

    var body: String { #"{"type":"about:blank","title":"\#(status.reasonPhrase)","status":\#(status.code)}"# }

    var head: HTTPResponseHead {
        HTTPResponseHead(version: .http1_1, status: status, headers: HTTPHeaders(fields + [("connection", "close")]))
    }

    var http2Header: HPACKHeaders { HPACKHeaders([(":status", String(status.code))] + fields) }

    private var fields: [(String, String)] {
        [
            ("content-type", "application/problem+json"),
            ("content-length", String(body.utf8.count)),
            ("cache-control", "no-store"),
        ]
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
}
