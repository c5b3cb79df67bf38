/// Which of the issuer's addresses to ask next: the one that answered last, as long as it answers; the others in their order when
/// it does not. An address that failed is left alone for a while, longer each time, and for as long as it asked for.
struct AddressRotation {
    enum Choice {
        case ask(Int)
        /// All are being left alone; the first will be tried again at `until`, and failed last time with `error`.
        case wait(until: Duration, error: TokenError)
        /// None but the excluded ones.
        case none
    }

    static let firstPause = Duration.milliseconds(100)
    /// Not longer than a caller waits, so that one who has no token gets to ask.
    static let longestPause = Duration.seconds(10)

    private struct State {
        var failures = 0
        var failedAt = Duration.zero
        var closedUntil = Duration.zero
        /// Present while the address is counted as failing.
        var error: TokenError?
    }

    private var states: [State]
    private var preferred = 0

    init(count: Int) {
        states = Array(repeating: State(), count: count)
    }

    func choice(at now: Duration, excluding excluded: Set<Int>) -> Choice {
        var soonest: (until: Duration, error: TokenError)?
        for index in order where !excluded.contains(index) {
            let state = states[index]
            guard let error = state.error, state.closedUntil > now else { return .ask(index) }
            // One that may come back by itself is worth more waiting than one that will not.
            let isBetter = soonest.map { soonest in
                error.isTemporary == soonest.error.isTemporary ? state.closedUntil < soonest.until : error.isTemporary
            }
            if isBetter ?? true { soonest = (state.closedUntil, error) }
        }
        return soonest.map { .wait(until: $0.until, error: $0.error) } ?? .none
    }

    mutating func succeeded(_ index: Int) {
        guard states.indices.contains(index) else { return }
        states[index] = State()
        preferred = index
    }

    /// - Parameter startedAt: when the request was sent: failures of requests that were on their way together count as one.
    mutating func failed(_ index: Int, with error: TokenError, startedAt: Duration, time: ClientTime) {
        guard states.indices.contains(index) else { return }
        let now = time.elapsed()
        if states[index].error == nil || states[index].failedAt <= startedAt { states[index].failures += 1 }
        let pause = time.backoff(
            afterFailures: states[index].failures,
            from: Self.firstPause,
            to: Self.longestPause,
            retryAfter: error.retryAfter
        )
        states[index].failedAt = now
        states[index].error = error
        states[index].closedUntil = max(states[index].closedUntil, now + pause)
    }

    /// Forgets all failures, because what may have caused them has changed.
    mutating func reset() {
        for index in states.indices { states[index] = State() }
    }

    private var order: [Int] {
        Array(preferred..<states.count) + Array(0..<preferred)
    }
}
