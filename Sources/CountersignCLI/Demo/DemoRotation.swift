import CountersignCrypto
import CountersignIssuer
import Synchronization

/// A key rotation while services fetch tokens and call: not one request may fail.
struct DemoRotation {
    let folder: DemoFolder
    let receiver: DemoReceiver
    let log: DemoLog

    func play(_ report: inout DemoReport) async throws {
        let traffic = Traffic()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<4 {
                tasks.addTask { try await send(traffic) }
            }
            // Some requests by the old key first, and as many by the new one afterwards.
            try await traffic.wait { $0.answers >= 20 }
            let before = traffic.state.keys
            try await folder.announceKey()
            report.step(
                "an admin announces a new signing key under traffic", expected: "1 key signs",
                happened: "\(before.count) key signs")
            try await traffic.wait { $0.keys.count == 2 }
            let turned = traffic.state.answers
            try await traffic.wait { $0.answers >= turned + 20 }
            traffic.stop()
            try await tasks.waitForAll()
        }
        let state = traffic.state
        report.step(
            "the issuer promotes it when every receiver could know it", expected: "tokens by 2 keys were accepted",
            happened: "tokens by \(state.keys.count) keys were accepted"
        )
        report.step(
            "requests that failed meanwhile (of \(state.answers))", expected: "0",
            happened: state.failures.isEmpty ? "0" : "\(state.failures)"
        )
    }

    /// One caller: a fresh token for every call.
    private func send(_ traffic: Traffic) async throws {
        let caller = try DemoCaller("user-svc", folder: folder, log: log)
        while !traffic.isStopped {
            do {
                let answer = try await caller.answer(try await caller.fetch("search-svc"))
                traffic.count(status: answer?.status, body: answer?.body ?? "")
            } catch {
                traffic.count(failure: "\(error)")
            }
        }
    }

    /// What came back, counted by all callers together.
    private final class Traffic: Sendable {
        struct State {
            var answers = 0
            var failures: [String] = []
            var keys: Set<String> = []
            var isStopped = false
        }

        private let box = Mutex(State())

        var state: State { box.withLock { $0 } }
        var isStopped: Bool { box.withLock { $0.isStopped } }

        func stop() {
            box.withLock { $0.isStopped = true }
        }

        func count(status: Int?, body: String) {
            guard status == 200, let key = body.split(separator: " ").last else {
                return count(failure: status.map { "status \($0)" } ?? "handshake refused")
            }
            box.withLock { state in
                state.answers += 1
                state.keys.insert(String(key))
            }
        }

        func count(failure: String) {
            box.withLock { state in
                state.answers += 1
                state.failures.append(failure)
            }
        }

        /// Looks every few milliseconds, for half a minute at most.
        func wait(until condition: (State) -> Bool) async throws {
            for _ in 0..<3000 {
                if condition(state) { return }
                try await Task.sleep(for: .milliseconds(10))
            }
            stop()
            throw CommandFailure.software(
                "the traffic of the demo stood still: \(state.answers) answers, \(state.failures.count) failures")
        }
    }
}
