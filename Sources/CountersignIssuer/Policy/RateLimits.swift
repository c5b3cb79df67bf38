internal import Synchronization

/// The token buckets of the services that have a rate. As many as there are such services, and none for anybody else.
struct RateLimits: Sendable {
    private let buckets: [String: RateBucket]

    /// - Parameter old: The buckets in force until now: a service that stays keeps what it has used up.
    init(_ services: [ServiceEntry], keeping old: RateLimits? = nil) {
        var buckets: [String: RateBucket] = [:]
        for service in services {
            guard let rate = service.rate else { continue }
            buckets[service.id] = old?.buckets[service.id].map { $0.changed(to: rate) } ?? RateBucket(rate)
        }
        self.buckets = buckets
    }

    /// - Returns: `nil` for a service without a rate.
    subscript(service: String) -> RateBucket? {
        buckets.isEmpty ? nil : buckets[service]
    }
}

/// A token bucket: full at first, it fills at a rate, and each token that is issued takes one out. Costs one short lock.
final class RateBucket: Sendable {
    enum Answer: Equatable {
        case allowed
        /// - Parameter retryAfter: Whole seconds until there is a token again, at least 1.
        case limited(retryAfter: Int)
    }

    private struct State {
        var level: Double
        var at: Duration?
    }

    let rate: TokenRate
    private let state: Mutex<State>

    convenience init(_ rate: TokenRate) {
        self.init(rate, State(level: Double(rate.burst)))
    }

    private init(_ rate: TokenRate, _ state: State) {
        self.rate = rate
        self.state = Mutex(state)
    }

    /// - Parameter now: By a clock that cannot be set.
    func take(at now: Duration) -> Answer {
        state.withLock { state in
            let passed = max(.zero, now - (state.at ?? now))
            state.at = max(state.at ?? now, now)
            state.level = min(Double(rate.burst), state.level + Double(rate.perSecond) * (passed / .seconds(1)))
            guard state.level < 1 else {
                state.level -= 1
                return .allowed
            }
            return .limited(retryAfter: max(1, Int(((1 - state.level) / Double(rate.perSecond)).rounded(.up))))
        }
    }

    /// This bucket under another rate, or itself when the rate is the same.
    func changed(to rate: TokenRate) -> RateBucket {
        guard rate != self.rate else { return self }
        var state = state.withLock { $0 }
        state.level = min(state.level, Double(rate.burst))
        return RateBucket(rate, state)
    }
}
