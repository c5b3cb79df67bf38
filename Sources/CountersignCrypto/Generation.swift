internal import Synchronization

/// Which state of something that changes is in force, for readers on every request: they take no lock and count no reference.
///
/// A source of keys, trust or revocations has one of these for as long as it lives. What was found out under one number is
/// believed under that number only. Written by one writer at a time, **after** the new state is in force: whoever reads the new
/// number and then looks sees the new state, and what was found out under the old number is not found again.
public final class Generation: Sendable {
    private let counter = Atomic<UInt64>(0)
    /// Nanoseconds and seconds: the first at which the state may not be used.
    private let end: Atomic<Int64>
    private let wallClockEnd: Atomic<Int64>
    private let elapsed: @Sendable () -> Duration

    /// Of a state that holds until it is replaced.
    public init() {
        end = Atomic(.max)
        wallClockEnd = Atomic(.max)
        elapsed = { .zero }
    }

    /// Of states that end by themselves, by a clock that cannot be set or by the wall clock. There is none until the first
    /// ``publish(isNew:until:wallClock:)``.
    ///
    /// - Parameter elapsed: a clock that cannot be set; called on every request, by many threads at once.
    public init(elapsed: @escaping @Sendable () -> Duration) {
        end = Atomic(.min)
        wallClockEnd = Atomic(.min)
        self.elapsed = elapsed
    }

    /// Another number after every change, and never an earlier one again. Costs an atomic load.
    public var number: UInt64 { counter.load(ordering: .acquiring) }

    /// ``number``, unless the state has ended at `now`.
    package func current(at now: Timestamp) -> UInt64? {
        // The ends are read before the number and written after it: whoever sees the end of a newer state sees a number that is
        // no older.
        guard now.secondsSince1970 < wallClockEnd.load(ordering: .acquiring) else { return nil }
        let end = end.load(ordering: .acquiring)
        guard end == .max || Self.nanoseconds(elapsed()) < end else { return nil }
        return number
    }

    /// A new state is in force.
    public func advance() {
        counter.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    /// What was fetched, or confirmed, is in force until its ends.
    ///
    /// - Parameters:
    ///   - isNew: whether it is another state than before, and not the same one confirmed.
    ///   - end: the first moment, by the clock that cannot be set, at which it may not be used; `nil` for never.
    ///   - wallClockEnd: the same by the wall clock.
    public func publish(isNew: Bool, until end: Duration?, wallClock wallClockEnd: Timestamp?) {
        if isNew { advance() }
        self.end.store(end.map(Self.nanoseconds) ?? .max, ordering: .releasing)
        self.wallClockEnd.store(wallClockEnd?.secondsSince1970 ?? .max, ordering: .releasing)
    }

    /// Saturates: three centuries are for ever.
    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds > 0 ? .max : .min }
        let (sum, carry) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carry ? (attoseconds > 0 ? .max : .min) : sum
    }
}
