import CountersignJSON

/// An HTTP response as it came over the wire.
struct HTTPAnswer: Sendable, CustomStringConvertible {
    /// Such as `HTTP/1.1`.
    let version: String
    let status: Int
    let headers: [(name: String, value: String)]
    let body: [UInt8]

    /// All values of a header field, in order.
    func values(_ name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The value of a header field that is there exactly once; `nil` when it is missing or repeated.
    func header(_ name: String) -> String? {
        let all = values(name)
        return all.count == 1 ? all.first : nil
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The members of the body; empty when it is no JSON object.
    var json: JSONObject { (try? JSONReader.parseObject(body)) ?? JSONObject() }

    /// The `error` of an OAuth error body.
    var oauthError: String { json.string("error") ?? "" }

    var description: String { "\(version) \(status) \(headers)\n\(text.prefix(300))" }
}

extension HTTPAnswer {
    /// Reads one response and says what is left after it; `nil` when the bytes are no whole response.
    ///
    /// - Parameters:
    ///   - toTheEnd: the body is everything after the header, as `curl -i` prints it; otherwise Content-Length bounds it.
    ///   - withoutBody: the response to a HEAD request.
    static func read(
        _ bytes: some Collection<UInt8>, toTheEnd: Bool = false, withoutBody: Bool = false
    ) -> (answer: HTTPAnswer, rest: [UInt8])? {
        let bytes = Array(bytes)
        let mark = Array("\r\n\r\n".utf8)
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let start = (lines.first ?? "").split(separator: " ")
        guard let version = start.first, version.hasPrefix("HTTP/"), let status = start.dropFirst().first.flatMap({ Int($0) })
        else {
            return nil
        }
        let headers = lines.dropFirst().map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (name: String(line[..<colon]), value: String(line[colon...].dropFirst().drop { $0 == " " }))
        }
        let answer = { HTTPAnswer(version: String(version), status: status, headers: headers, body: $0) }
        let rest = bytes[(end + mark.count)...]
        if toTheEnd { return (answer(Array(rest)), []) }
        let length = withoutBody ? 0 : answer([]).header("content-length").flatMap { Int($0) } ?? 0
        guard rest.count >= length else { return nil }
        return (answer(Array(rest.prefix(length))), Array(rest.dropFirst(length)))
    }
}
