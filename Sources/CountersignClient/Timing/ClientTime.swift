public import CountersignCrypto
internal import Synchronization

/// Time and chance, as the client sees them. ``system`` is right everywhere but in tests.
///
/// What has to end after some time is measured with ``elapsed``, so that neither a wall clock that is wrong nor one that is set
/// makes a token or a key set live longer or die early.
public struct ClientTime: Sendable {
    /// Time since some fixed moment. Never goes back, and goes on while the machine sleeps.
    public var elapsed: @Sendable () -> Duration
    /// For what people read, and for the age of a key set by the receiver's own clock.
    public var wallClock: @Sendable () -> Timestamp
    /// Suspends for that long; throws `CancellationError`, and at once, when the task is cancelled.
    public var sleep: @Sendable (Duration) async throws -> Void
    /// An evenly spread number, at least 0 and below 1. Need not be unpredictable: it only keeps many clients apart.
    public var random: @Sendable () -> Double

    public init(
        elapsed: @escaping @Sendable () -> Duration,
        wallClock: @escaping @Sendable () -> Timestamp,
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        random: @escaping @Sendable () -> Double
    ) {
        self.elapsed = elapsed
        self.wallClock = wallClock
        self.sleep = sleep
        self.random = random
    }

    /// The machine's clocks and the system's generator of random numbers.
    public static let system = ClientTime(
        // Captures nothing: many threads ask at once, and would all count references to what is captured.
        elapsed: { start.duration(to: .now) },
        wallClock: Timestamp.now,
        sleep: { try await ContinuousClock().sleep(for: $0) },
        random: { Double.random(in: 0..<1) }
    )

    private static let start = ContinuousClock.now
}

extension ClientTime {
    /// The moment within a life of this length at which to fetch anew: 50 to 60 % of it, evenly spread, so that callers that
    /// started together do not come back together.
    ///
    /// - Parameter advice: the issuer's, who knows what all the others do. Followed as far as it leaves time to try again, and
    ///   does not make a caller come back all the time.
    func refreshPoint(of life: Duration, advised advice: Duration? = nil) -> Duration {
        guard let advice else { return life * (0.5 + 0.1 * random()) }
        return max(life * 0.1, min(advice, life * 0.9))
    }

    /// How long to wait after a number of failures in a row: exponential with full jitter, never nothing.
    ///
    /// - Parameter retryAfter: what the issuer asked for. Waited for in full, and up to a quarter longer: all were told the same.
    func backoff(
        afterFailures failures: Int,
        from first: Duration,
        to longest: Duration,
        retryAfter: Duration? = nil
    ) -> Duration {
        let doublings = max(0, min(failures - 1, 20))
        let bound = min(longest, first * (1 << doublings))
        let asked = retryAfter ?? .zero
        return asked + max(shortestPause, (bound + asked / 4) * random())
    }

    /// What keeps a loop from spinning when chance says "now".
    private var shortestPause: Duration { .milliseconds(20) }
}
