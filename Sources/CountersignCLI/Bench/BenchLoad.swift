import NIOCore
import Synchronization

/// The load of one run, shared by all that make it: who asks when, and what came of it.
final class BenchLoad: Sendable {
    private struct State {
        var schedule: BenchSchedule
        var tally = BenchTally()
        /// Of tokens, also before measuring began.
        var served = 0
        var failed = 0
        /// Requests without an answer since the last one with any.
        var lostInARow = 0
        var lastLoss = ""
        var brokeOff: NIODeadline?
    }

    /// How a run ended.
    struct Result: Sendable {
        var tally: BenchTally
        /// The measured time; at a rate until the last token that counts came.
        var elapsedSeconds: Double
        /// Due in the measured time, and never sent: all were waiting for answers.
        var unsent: Int
        /// Why the run ended early, if it did.
        var brokenBy: String?
    }

    let measuredFrom: NIODeadline
    let end: NIODeadline
    private let connections: Int
    private let state: Mutex<State>

    init(_ plan: BenchPlan, start: NIODeadline = .now()) {
        let schedule = BenchSchedule(plan, start: start)
        measuredFrom = schedule.measuredFrom
        end = schedule.end
        connections = plan.connections
        state = Mutex(State(schedule: schedule))
    }

    /// Takes the next request to make, at the time it is due; `nil` when the run is over.
    func next(at now: NIODeadline = .now()) -> NIODeadline? {
        state.withLock { $0.brokeOff == nil ? $0.schedule.next(at: now) : nil }
    }

    func record(_ outcome: BenchOutcome, due: NIODeadline, isResumed: Bool = false, at now: NIODeadline = .now()) {
        state.withLock { state in
            if case .token = outcome { state.served += 1 } else { state.failed += 1 }
            if case .lost(let reason) = outcome {
                state.lostInARow += 1
                state.lastLoss = reason
                // Each connection has failed, and then each that was to replace one: nobody is there.
                if state.lostInARow >= 2 * connections + 8 { state.brokeOff = state.brokeOff ?? now }
            } else {
                state.lostInARow = 0
            }
            if state.schedule.counts(outcome, due: due, endedAt: now) {
                state.tally.count(outcome, due: due, at: now, isResumed: isResumed)
            }
        }
    }

    var isBroken: Bool { state.withLock { $0.brokeOff != nil } }

    /// Tokens and failures so far, warm-up and all.
    var progress: (served: Int, failed: Int) { state.withLock { ($0.served, $0.failed) } }

    /// To be called when every request that was taken has been recorded.
    func result(at now: NIODeadline = .now()) -> Result {
        state.withLock { state in
            // Also when the end came first: nobody has had an answer since.
            let isBroken = state.brokeOff != nil || state.lostInARow >= connections
            let end = state.brokeOff ?? state.schedule.end
            let last = max(end, state.tally.lastToken ?? end)
            return Result(
                tally: state.tally,
                elapsedSeconds: Double(max(0, (last - measuredFrom).nanoseconds)) / 1e9,
                unsent: state.schedule.missed(at: end),
                brokenBy: isBroken ? state.lastLoss : nil
            )
        }
    }
}
