/// Frames of HTTP/2 (RFC 9113 section 4.1), for tests that say what no library would.
enum HTTP2Frames {
    /// The connection preface.
    ///
    /// - Parameter window: How much of each answer may be sent before the client asks for more.
    static func preface(window: UInt8? = nil) -> [UInt8] {
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, payload: window.map { [0, 4, 0, 0, 0, $0] } ?? [])
    }

    static func get(_ path: String = "/peer", on stream: UInt8, _ fields: [(String, String)] = []) -> [UInt8] {
        request([(":method", "GET"), (":path", path)] + fields, on: stream, ends: true)
    }

    static func post(_ path: String, on stream: UInt8, _ fields: [(String, String)] = []) -> [UInt8] {
        request([(":method", "POST"), (":path", path)] + fields, on: stream, ends: false)
    }

    /// - Parameter ends: Whether the request has no body.
    static func request(_ fields: [(String, String)], on stream: UInt8, ends: Bool) -> [UInt8] {
        let fields = [(":scheme", "https"), (":authority", "localhost")] + fields
        // Literals without indexing (RFC 7541 section 6.2.2).
        var block: [UInt8] = []
        for (name, value) in fields {
            block += [0, UInt8(name.utf8.count)] + Array(name.utf8)
            block += [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        return frame(1, flags: ends ? 5 : 4, on: stream, payload: block)
    }

    static func body(_ text: String, on stream: UInt8) -> [UInt8] {
        frame(0, flags: 1, on: stream, payload: Array(text.utf8))
    }

    static func window(_ increment: UInt8, on stream: UInt8) -> [UInt8] {
        frame(8, on: stream, payload: [0, 0, 0, increment])
    }

    /// The beginning of RST_STREAM as a ``Talk`` hears it, which is followed by four bytes of the reason.
    static func reset(on stream: UInt8) -> String {
        String(decoding: [0, 0, 4, 3, 0, 0, 0, 0, stream] as [UInt8], as: UTF8.self)
    }

    /// The end of the header of HEADERS of an answer whose body is to follow.
    static func answer(on stream: UInt8) -> String {
        String(decoding: [1, 4, 0, 0, 0, stream] as [UInt8], as: UTF8.self)
    }

    private static func frame(_ type: UInt8, flags: UInt8 = 0, on stream: UInt8 = 0, payload: [UInt8]) -> [UInt8] {
        [0, UInt8(payload.count / 256), UInt8(payload.count % 256), type, flags, 0, 0, 0, stream] + payload
    }
}
