internal import CountersignCrypto
internal import Synchronization

/// How long what was fetched last may be used, and its number: for readers on every request, who take no lock.
///
/// Written by one writer at a time, after what it speaks of is in force. The number is written before the ends and read after
/// them: whoever has seen the end of a newer state sees a number that is no older.
struct Freshness: ~Copyable, Sendable {
    private let number = Atomic<UInt64>(0)
    private let end = Atomic<Int64>(.min)
    private let wallClockEnd = Atomic<Int64>(.min)

    /// The number of what is in hand; `nil` when it is too old by either clock, or when there is nothing.
    func generation(at elapsed: Duration, wallClock: Timestamp) -> UInt64? {
        guard Self.nanoseconds(elapsed) < end.load(ordering: .acquiring),
            wallClock.secondsSince1970 < wallClockEnd.load(ordering: .acquiring)
        else { return nil }
        return number.load(ordering: .acquiring)
    }

    /// - Parameters:
    ///   - isNew: whether it is another state than before, and not the same one confirmed.
    ///   - end: the first moment, by the clock that cannot be set, at which it may not be used; `nil` for never.
    ///   - wallClockEnd: the same by the wall clock.
    func publish(isNew: Bool, until end: Duration?, wallClock wallClockEnd: Timestamp?) {
        if isNew { number.wrappingAdd(1, ordering: .acquiringAndReleasing) }
        self.end.store(end.map(Self.nanoseconds) ?? .max, ordering: .releasing)
        self.wallClockEnd.store(wallClockEnd?.secondsSince1970 ?? .max, ordering: .releasing)
    }

    /// Saturates: three centuries are for ever.
    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds > 0 ? .max : .min }
        let (sum, second) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return second ? (sum < 0 ? .max : .min) : sum
    }
}
