import CountersignCrypto
import Foundation
import NIOCore
import NIOPosix

/// The load of `bench connect` and `bench resume`: a connection for each token, each caller on a thread of its own.
struct NewConnectionLoad: Sendable {
    let load: BenchLoad
    let target: TLSClientConnection.Target
    let context: TLSClientContext
    let request: [UInt8]
    let connections: Int
    /// Whether each caller goes on with the session of its last connection, as far as the issuer lets it.
    let isResuming: Bool

    /// Returns when the run is over and every answer that was still to come has come.
    func run() async throws {
        let threads = NIOThreadPool(numberOfThreads: connections)
        threads.start()
        try await withThrowingTaskGroup(of: Void.self) { callers in
            for _ in 0..<connections {
                callers.addTask { try await threads.runIfActive { call() } }
            }
            try await callers.waitForAll()
        }
        try await threads.shutdownGracefully()
    }

    /// One caller, to the end of the run. Blocks.
    private func call() {
        var session: TLSSession?
        while let due = load.next() {
            let wait = (due - .now()).nanoseconds
            if wait > 0 { Thread.sleep(forTimeInterval: Double(wait) / 1e9) }
            var isResumed = false
            let outcome: BenchOutcome
            do {
                outcome = try ask(&session, &isResumed)
            } catch {
                outcome = BenchOutcome(error)
                session = nil
            }
            load.record(outcome, due: due, isResumed: isResumed)
        }
    }

    private func ask(_ session: inout TLSSession?, _ isResumed: inout Bool) throws(TLSClientError) -> BenchOutcome {
        let deadline = NIODeadline.now() + .seconds(BenchOutcome.timeout)
        let connection = try TLSClientConnection.open(
            context, to: target, resuming: session, timeout: Int(BenchOutcome.timeout))
        isResumed = connection.isResumed
        try connection.send(request)
        var answer = ClosingAnswer()
        while true {
            let bytes = try connection.receive()
            guard !bytes.isEmpty else { break }
            guard answer.append(bytes) else { return .tooLarge }
            guard NIODeadline.now() < deadline else { return .timedOut }
        }
        if isResuming { session = connection.session }
        connection.close()
        return answer.outcome
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
