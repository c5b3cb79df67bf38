import Synchronization

/// Where requests wait until the test lets them go on, so that nothing depends on how long anything takes.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var arrived = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
        var notes: [String] = []
    }

    private let state = Mutex(State())

    /// How many requests have come so far.
    var arrived: Int { state.withLock { $0.arrived } }

    /// What requests had to say that could not answer any more.
    var notes: [String] { state.withLock { $0.notes } }

    func note(_ text: String) {
        state.withLock { $0.notes.append(text) }
    }

    func arrive() {
        state.withLock { $0.arrived += 1 }
    }

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                state.arrived += 1
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            state.isOpen = true
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func untilArrived(_ count: Int) async throws {
        try await eventually("\(count) requests at the gate, not \(arrived)") { arrived >= count }
    }
}

/// Waits for a condition that comes true, however slow the machine is.
func eventually(_ what: @autoclosure () -> String, _ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(120)
    while try await !condition() {
        guard ContinuousClock.now < end else { throw NotInTime(description: what()) }
        try await Task.sleep(for: .milliseconds(10))
    }
}

struct NotInTime: Error {
    let description: String
}
