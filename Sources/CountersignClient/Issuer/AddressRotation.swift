/// Which of the issuer's addresses to ask next: the one that answered last, as long as it answers; the others in their order when
/// it does not. An address that failed is left alone for a while, longer each time, and for as long as it asked for; one that only
/// said "not now" to one kind of request, with requests of that kind.
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

    /// What failed: one endpoint of an address, or all of it.
    private struct Place: Hashable {
        let address: Int
        let endpoint: IssuerAddress.Endpoint?
    }

    private struct Failing {
        var failures = 0
        var failedAt = Duration.zero
        var closedUntil = Duration.zero
        var error: TokenError
    }

    private let count: Int
    private var failing: [Place: Failing] = [:]
    private var preferred = 0

    init(count: Int) {
        self.count = count
    }

    func choice(of endpoint: IssuerAddress.Endpoint, at now: Duration, excluding excluded: Set<Int>) -> Choice {
        var soonest: (until: Duration, error: TokenError)?
        for index in order where !excluded.contains(index) {
            let reasons = [failing[Place(address: index, endpoint: nil)], failing[Place(address: index, endpoint: endpoint)]]
            let closed = reasons.compactMap(\.self).filter { $0.closedUntil > now }.max { $0.closedUntil < $1.closedUntil }
            guard let closed else { return .ask(index) }
            let (until, error) = (closed.closedUntil, closed.error)
            // One that may come back by itself is worth more waiting than one that will not.
            let isBetter = soonest.map { soonest in
                error.isTemporary == soonest.error.isTemporary ? until < soonest.until : error.isTemporary
            }
            if isBetter ?? true { soonest = (until, error) }
        }
        return soonest.map { .wait(until: $0.until, error: $0.error) } ?? .none
    }

    mutating func succeeded(_ index: Int, _ endpoint: IssuerAddress.Endpoint) {
        guard 0..<count ~= index else { return }
        failing[Place(address: index, endpoint: nil)] = nil
        failing[Place(address: index, endpoint: endpoint)] = nil
        preferred = index
    }

    /// - Parameters:
    ///   - endpoint: `nil` for the whole address.
    ///   - startedAt: when the request was sent: failures of requests that were on their way together count as one.
    mutating func failed(
        _ index: Int, _ endpoint: IssuerAddress.Endpoint?, with error: TokenError, startedAt: Duration, time: ClientTime
    ) {
        let now = time.elapsed()
        let place = Place(address: index, endpoint: endpoint)
        var state = failing[place] ?? Failing(error: error)
        if state.failures == 0 || state.failedAt <= startedAt { state.failures += 1 }
        let pause = time.backoff(
            afterFailures: state.failures, from: Self.firstPause, to: Self.longestPause, retryAfter: error.retryAfter
        )
        state.failedAt = now
        state.error = error
        state.closedUntil = max(state.closedUntil, now + pause)
        failing[place] = state
    }

    /// Forgets all failures, because what may have caused them has changed.
    mutating func reset() { failing = [:] }

    private var order: [Int] {
        Array(preferred..<count) + Array(0..<preferred)
    }
}
