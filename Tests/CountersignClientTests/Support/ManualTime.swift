import CountersignClient
import CountersignTesting
import Synchronization
import Testing

/// Time that passes only when a test says so. Chance is a fixed number.
final class ManualTime: Sendable {
    private struct State {
        var now = Duration.seconds(1000)
        var wallClockOffset = Duration.zero
        var random = 0.5
        var sleepers: [Int: (until: Duration, continuation: CheckedContinuation<Bool, Never>)] = [:]
        var nextID = 0
        var inProgress = 0
    }

    private let state = Mutex(State())

    var time: ClientTime {
        ClientTime(
            elapsed: { self.state.withLock { $0.now } },
            wallClock: { self.wallClock },
            sleep: { try await self.sleep($0) },
            random: { self.state.withLock { $0.random } }
        )
    }

    var wallClock: Timestamp {
        let passed = state.withLock { $0.now + $0.wallClockOffset } - .seconds(1000)
        return TestClock.now.adding(seconds: passed.components.seconds)
    }

    func advance(by step: Duration) {
        let woken = state.withLock { state in
            state.now += step
            let due = state.sleepers.filter { $0.value.until <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in woken { continuation.resume(returning: true) }
    }

    /// Seconds, one after the other, each when somebody sleeps through it.
    ///
    /// - Parameter isHanging: let time pass also while something is going on that takes none, such as a request on its way.
    func tick(_ seconds: Int = 1, isHanging: Bool = false) async {
        for _ in 0..<seconds {
            await eventually("somebody sleeps, and nothing is going on that takes no time") { mayPass(isHanging) }
            advance(by: .seconds(1))
            // Others may be asleep for longer, so that the next second could pass before those that woke have done anything.
            try? await Task.sleep(for: .milliseconds(1))
        }
    }

    private func mayPass(_ isHanging: Bool) -> Bool {
        state.withLock { !$0.sleepers.isEmpty && (isHanging || $0.inProgress == 0) }
    }

    /// Does something that takes none of this time, however long it takes: no step of ``tick(_:isHanging:)`` or
    /// ``passing(_:isHanging:_:)`` falls into it.
    func standingStill<Value, Failure: Error>(
        while work: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        state.withLock { $0.inProgress += 1 }
        defer { state.withLock { $0.inProgress -= 1 } }
        return try await work()
    }

    /// Sets the wall clock alone, as an operator does.
    func setWallClock(forward step: Duration) {
        state.withLock { $0.wallClockOffset += step }
    }

    func setRandom(_ value: Double) {
        state.withLock { $0.random = value }
    }

    /// How long those that sleep have still to sleep, the shortest first.
    var sleeping: [Duration] {
        state.withLock { state in state.sleepers.values.map { $0.until - state.now }.sorted() }
    }

    /// Until somebody sleeps for exactly this long.
    func untilAsleep(for pause: Duration, _ location: SourceLocation = #_sourceLocation) async {
        await eventually("somebody sleeps for \(pause); asleep are \(sleeping)", location) { self.sleeping.contains(pause) }
    }

    /// Does something that sleeps, with time passing in steps whenever somebody sleeps, until it is done.
    ///
    /// - Parameter isHanging: as for ``tick(_:isHanging:)``.
    func passing<Value: Sendable>(
        _ step: Duration = .milliseconds(50),
        isHanging: Bool = false,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let done = Gate()
        return try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask {
                defer { done.open() }
                return try await body()
            }
            await eventually("done; asleep are \(sleeping)") {
                if mayPass(isHanging) { advance(by: step) }
                return done.isOpen
            }
            group.cancelAll()
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }

    private func sleep(_ pause: Duration) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let isWoken = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver: Bool? = state.withLock { state in
                    if Task.isCancelled { return false }
                    if pause <= .zero { return true }
                    state.sleepers[id] = (state.now + pause, continuation)
                    return nil
                }
                if let isOver { continuation.resume(returning: isOver) }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(returning: false)
        }
        if !isWoken { throw CancellationError() }
    }
}

/// Waits for something that other tasks bring about, and fails the test when it has not come in a time that no machine needs.
func eventually(
    _ what: @autoclosure () -> String,
    _ location: SourceLocation = #_sourceLocation,
    _ condition: () async -> Bool
) async {
    let deadline = ContinuousClock.now + .seconds(20)
    var looks = 0
    // Looks are counted as well, because a busy machine may stop the whole process for longer than any deadline.
    while ContinuousClock.now < deadline || looks < 5000 {
        if await condition() { return }
        looks += 1
        try? await Task.sleep(for: .milliseconds(1))
    }
    Issue.record("never: \(what())", sourceLocation: location)
}
