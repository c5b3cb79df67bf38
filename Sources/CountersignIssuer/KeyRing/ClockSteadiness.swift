internal import CountersignCrypto

/// Notices a wall clock that is set while the process runs.
///
/// What is due by time cannot be undone: a key that is retired is gone, and its tokens with it. So when the clock jumps, nothing
/// is done by it until it has gone on evenly for a while: a clock that was set wrongly is usually set right soon after.
struct ClockSteadiness {
    /// The largest difference that is no jump, in seconds, over any stretch between two looks.
    static let tolerance: Int64 = 60
    /// How long a new time is distrusted.
    static let patience: Duration = .seconds(300)

    private var lastWallClock: Timestamp
    private var lastElapsed: Duration
    private var jumpedAt: Duration?

    init(wallClock: Timestamp, elapsed: Duration) {
        lastWallClock = wallClock
        lastElapsed = elapsed
    }

    /// Whether what is due by this time may be done.
    mutating func isSteady(wallClock: Timestamp, elapsed: Duration) -> Bool {
        let passed = (elapsed - lastElapsed).components.seconds
        let drift = wallClock.seconds(since: lastWallClock.adding(seconds: passed))
        lastWallClock = wallClock
        lastElapsed = elapsed
        if !(-Self.tolerance...Self.tolerance).contains(drift) {
            jumpedAt = elapsed
        }
        guard let jumpedAt else {
            return true
        }
        guard elapsed - jumpedAt >= Self.patience else {
            return false
        }
        self.jumpedAt = nil
        return true
    }
}

/// The machine's clock that cannot be set.
public enum MonotonicTime {
    private static let start = ContinuousClock.now

    /// Time since some moment in the life of the process; goes on while the machine sleeps.
    public static func elapsed() -> Duration { start.duration(to: .now) }
}
