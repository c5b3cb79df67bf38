import CountersignClient
import CountersignCrypto

/// A clock that runs as much faster than the machine's as a test says, for issuers, receivers and callers alike.
struct FastClock: Sendable {
    let speed: Int64
    private let start = ContinuousClock.now
    private let wallClock = Timestamp.now()

    init(speed: Int64) {
        self.speed = speed
    }

    var elapsed: Duration { start.duration(to: .now) * speed }

    var now: Timestamp { wallClock.adding(seconds: elapsed.components.seconds) }

    /// Suspends for a time of this clock.
    func sleep(_ pause: Duration) async throws {
        try await Task.sleep(for: pause / speed)
    }

    /// The same for clients.
    var time: ClientTime {
        ClientTime(
            elapsed: { elapsed }, wallClock: { now }, sleep: { try await sleep($0) }, random: { Double.random(in: 0..<1) }
        )
    }
}
