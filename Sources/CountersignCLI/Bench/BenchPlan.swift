import NIOCore

/// How much is asked, by how many, for how long.
struct BenchPlan: Sendable {
    var connections: Int
    var warmupSeconds: Int64
    var durationSeconds: Int64
    /// Requests a second on a fixed schedule (an open loop); `nil` for a closed loop.
    var ratePerSecond: Int?
}

/// When requests are due.
///
/// In a closed loop, whenever somebody is free to ask. In an open loop, at even distances from the start on, whoever is free: what
/// is due while all wait for answers is asked late and still counts from when it was due, so that a queue shows in the latency.
struct BenchSchedule: Sendable {
    let measuredFrom: NIODeadline
    let end: NIODeadline
    private let start: NIODeadline
    private let rate: Int?
    private var taken: Int64 = 0

    init(_ plan: BenchPlan, start: NIODeadline) {
        self.start = start
        measuredFrom = start + .seconds(plan.warmupSeconds)
        end = measuredFrom + .seconds(plan.durationSeconds)
        rate = plan.ratePerSecond
    }

    /// Takes the next request; `nil` when there are no more to be sent.
    mutating func next(at now: NIODeadline) -> NIODeadline? {
        guard now < end else { return nil }
        guard let rate else { return now }
        // A queue from before measuring began is no part of what is measured.
        if now >= measuredFrom { taken = max(taken, count(before: measuredFrom, rate)) }
        let due = moment(taken, rate)
        guard due < end else { return nil }
        taken += 1
        return due
    }

    /// Whether a request that was due at one time and came to its end at another is counted.
    ///
    /// At a rate, those that were due while it was measured, however late their answers come. In a closed loop, whose requests are
    /// due because others have ended, the tokens that came while it was measured; what failed counts also when it failed later.
    func counts(_ outcome: BenchOutcome, due: NIODeadline, endedAt now: NIODeadline) -> Bool {
        guard rate == nil else { return due >= measuredFrom }
        return now >= measuredFrom && (now <= end || outcome != .token)
    }

    /// How many were due before `now`, counted from ``measuredFrom`` on, and were not taken.
    func missed(at now: NIODeadline) -> Int {
        guard let rate else { return 0 }
        return Int(max(0, count(before: min(now, end), rate) - max(taken, count(before: measuredFrom, rate))))
    }

    private func moment(_ index: Int64, _ rate: Int) -> NIODeadline {
        let (seconds, rest) = index.quotientAndRemainder(dividingBy: Int64(rate))
        return start + .seconds(seconds) + .nanoseconds(rest * Self.second / Int64(rate))
    }

    /// How many are due before this moment, from the start on.
    private func count(before moment: NIODeadline, _ rate: Int) -> Int64 {
        let (seconds, rest) = max(0, (moment - start).nanoseconds).quotientAndRemainder(dividingBy: Self.second)
        return seconds * Int64(rate) + (rest * Int64(rate) + Self.second - 1) / Self.second
    }

    private static let second: Int64 = 1_000_000_000
}
