import CountersignCrypto
import Foundation
import NIOCore
import NIOPosix

/// The load of `bench connect` and `bench resume`: a connection for each token, each caller on a thread of its own.
struct NewConnectionLoad: Sendable {
    let load: BenchLoad
    let caller: NewConnectionCaller
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
            do {
                let answer = try caller.ask(resuming: session)
                load.record(answer.outcome, due: due, isResumed: answer.isResumed)
                session = isResuming ? answer.session : nil
            } catch {
                load.record(BenchOutcome(error), due: due)
                session = nil
            }
        }
    }
}
