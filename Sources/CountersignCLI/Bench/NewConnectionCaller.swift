import CountersignCrypto
import NIOCore

/// One token over one new connection, by OpenSSL. Blocks.
struct NewConnectionCaller: Sendable {
    var target: TLSClientConnection.Target
    let context: TLSClientContext
    /// The whole request, which asks for the connection to be closed.
    let request: [UInt8]

    struct Answer {
        var outcome: BenchOutcome
        var isResumed: Bool
        /// For the next connection, if the issuer lets it be resumed.
        var session: TLSSession?
    }

    func ask(resuming session: TLSSession? = nil) throws(TLSClientError) -> Answer {
        let deadline = NIODeadline.now() + .seconds(BenchOutcome.timeout)
        let connection = try TLSClientConnection.open(
            context, to: target, resuming: session, timeout: Int(BenchOutcome.timeout))
        let isResumed = connection.isResumed
        try connection.send(request)
        var answer = ClosingAnswer()
        while true {
            let bytes = try connection.receive()
            guard !bytes.isEmpty else { break }
            guard answer.append(bytes) else { return Answer(outcome: .tooLarge, isResumed: isResumed) }
            guard NIODeadline.now() < deadline else { return Answer(outcome: .timedOut, isResumed: isResumed) }
        }
        let next = connection.session
        connection.close()
        return Answer(outcome: answer.outcome, isResumed: isResumed, session: next)
    }

    /// This caller, or one that looks for the address in the issuer's certificate in place of the name: NIOSSL, by which tokens are
    /// fetched, is content with either. Finds out by asking for a token.
    ///
    /// - Throws: `CommandFailure` when there is none.
    func checked(_ url: String) throws -> NewConnectionCaller {
        var caller = self
        let outcome: BenchOutcome
        do {
            do {
                outcome = try caller.ask().outcome
            } catch let error where error.code == .tls && caller.target.name != nil {
                caller.target.name = nil
                outcome = try caller.ask().outcome
            }
        } catch {
            outcome = BenchOutcome(error)
        }
        guard outcome == .token else {
            throw CommandFailure.no(
                "no token from \(url) over a connection of OpenSSL's, though one could be fetched: \(outcome.reason)",
                hint: "countersign token fetch --debug shows the issuer's certificate")
        }
        return caller
    }
}

/// An answer that ends with its connection, as far as it has come.
struct ClosingAnswer {
    private var bytes: [UInt8] = []

    /// - Returns: false when it becomes too large.
    mutating func append(_ more: [UInt8]) -> Bool {
        bytes += more
        return bytes.count <= BenchOutcome.maxBytes
    }

    /// What it says, if it is whole (RFC 9112 section 6.3).
    var outcome: BenchOutcome {
        guard let end = bytes.firstRange(of: "\r\n\r\n".utf8) else { return .closed }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            return .lost("an answer that is not HTTP")
        }
        let body = bytes[end.upperBound...]
        let length = lines.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst("content-length:".count).filter { $0 != " " }) }
        guard body.count >= length ?? 0 else { return .closed }
        return BenchOutcome(status: status, body: body)
    }
}
