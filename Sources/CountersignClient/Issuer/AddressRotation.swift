/// Which of the issuer's addresses to ask next: the one that answered last, as long as it answers; the others in their order when
/// it does not, and last those that did not answer in time. An address that failed is left alone for a while, longer each time, and
/// for as long as it asked for; one that only said "not now" to one kind of request, with requests of that kind.
struct AddressRotation {
    enum Choice {
        /// `candidates` are this one and those that the same fetch may still have to ask, if this one does not answer.
        case ask(Int, candidates: Int)
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

    /// What one fetch has done so far.
    struct Fetch {
        let endpoint: IssuerAddress.Endpoint
        /// When it ends.
        let deadline: Duration
        var asked: Set<Int> = []
        /// Whose answers it cannot use.
        var excluded: Set<Int> = []
    }

    private var order: [Int]
    private var failing: [Place: Failing] = [:]

    init(count: Int) {
        order = Array(0..<count)
    }

    /// Those that the fetch has not asked yet come before those that it has.
    func choice(for fetch: Fetch, at now: Duration) -> Choice {
        let possible = order.filter { !fetch.excluded.contains($0) }
        let fresh = possible.filter { !fetch.asked.contains($0) }
        var soonest: (until: Duration, error: TokenError)?
        for index in fresh + possible.filter(fetch.asked.contains) {
            guard let closed = closed(index, fetch.endpoint, at: now) else {
                let others = fresh.count { $0 != index && closed($0, fetch.endpoint, at: fetch.deadline) == nil }
                return .ask(index, candidates: others + 1)
            }
            let (until, error) = (closed.closedUntil, closed.error)
            // One that may come back by itself is worth more waiting than one that will not.
            let isBetter = soonest.map { soonest in
                error.isTemporary == soonest.error.isTemporary ? until < soonest.until : error.isTemporary
            }
            if isBetter ?? true { soonest = (until, error) }
        }
        return soonest.map { .wait(until: $0.until, error: $0.error) } ?? .none
    }

    /// Why it is left alone at that moment, if it is.
    private func closed(_ index: Int, _ endpoint: IssuerAddress.Endpoint, at moment: Duration) -> Failing? {
        [failing[Place(address: index, endpoint: nil)], failing[Place(address: index, endpoint: endpoint)]]
            .compactMap(\.self).filter { $0.closedUntil > moment }.max { $0.closedUntil < $1.closedUntil }
    }

    mutating func succeeded(_ index: Int, _ endpoint: IssuerAddress.Endpoint) {
        failing[Place(address: index, endpoint: nil)] = nil
        failing[Place(address: index, endpoint: endpoint)] = nil
        order = [index] + order.filter { $0 != index }
    }

    /// It did not answer in time. Whoever asks it pays with all that time, so it comes last until it has answered again.
    mutating func wasLate(_ index: Int) {
        order = order.filter { $0 != index } + [index]
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
        if error.code == .timedOut { wasLate(index) }
    }

    /// Forgets all failures, because what may have caused them has changed.
    mutating func reset() { failing = [:] }
}
