public import Countersign
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// The issuer's public keys, fetched over mutual TLS and kept fresh.
///
/// ```swift
/// let keys = RemoteKeySource(issuer)
/// let authenticator = Authenticator(expecting: ..., trust: ..., callers: ..., keys: keys)
/// app.beforeServerStarts { try await keys.waitUntilReady() }
/// let group = ServiceGroup(services: [issuer, keys, app], logger: logger)
/// ```
///
/// Run it as a `Service`: it refreshes the set well before the issuer's `max-age` is over. Only a whole and good answer ever
/// replaces a set; after any failure the old one stays in force until ``Configuration/maxAge``, and then there is none: fails
/// closed, as ``KeysUnavailable``, which a receiver answers with 503.
public final class RemoteKeySource: KeySource {
    public struct Configuration: Sendable {
        /// How old a set may become when the issuer cannot be asked. A key that the issuer took out is accepted no longer.
        public var maxAge: Duration
        /// The longest time between two fetches, whatever `max-age` the issuer sends.
        public var longestRefresh: Duration
        /// The shortest time between two fetches, whatever `max-age` the issuer sends.
        public var shortestRefresh: Duration
        /// Used when the issuer sends no `max-age`.
        public var usualRefresh: Duration
        /// After a token named an unknown key and the set was fetched for it: how long unknown keys cause no other fetch.
        public var unknownKeyCooldown: Duration
        /// How long the request with such a token waits for that fetch.
        public var unknownKeyPatience: Duration
        /// For one fetch, over all addresses and attempts.
        public var fetchTimeout: Duration

        public init(
            maxAge: Duration = .seconds(3600),
            longestRefresh: Duration = .seconds(900),
            shortestRefresh: Duration = .seconds(10),
            usualRefresh: Duration = .seconds(300),
            unknownKeyCooldown: Duration = .seconds(10),
            unknownKeyPatience: Duration = .seconds(2),
            fetchTimeout: Duration = .seconds(10)
        ) {
            self.maxAge = maxAge
            self.longestRefresh = longestRefresh
            self.shortestRefresh = shortestRefresh
            self.usualRefresh = usualRefresh
            self.unknownKeyCooldown = unknownKeyCooldown
            self.unknownKeyPatience = unknownKeyPatience
            self.fetchTimeout = fetchTimeout
        }
    }

    let issuer: IssuerClient
    let configuration: Configuration
    let time: ClientTime
    let logger: Logger
    let state = Mutex(KeySetState())
    let freshness: Generation
    let flights = SingleFlight<Fetch, Result<KeySet, TokenError>>()

    /// There is one thing to fetch.
    struct Fetch: Hashable, Sendable {}

    /// Time and logger are those of `issuer`.
    public init(_ issuer: IssuerClient, configuration: Configuration = Configuration()) {
        self.issuer = issuer
        self.configuration = configuration
        time = issuer.time
        freshness = Generation(elapsed: issuer.time.elapsed)
        logger = issuer.logger
    }

    public func keySet(at now: Timestamp) throws(KeysUnavailable) -> KeySet {
        let elapsed = time.elapsed()
        let (set, failure) = state.withLock { state in
            (state.current(at: elapsed, wallClock: now, maxAge: configuration.maxAge), state.failure)
        }
        if let set { return set }
        let reason = failure?.message ?? "none was fetched yet"
        throw KeysUnavailable("there is no key set of the issuer that may be trusted: \(reason)")
    }

    /// Ends with the set's ``Configuration/maxAge``.
    public var generation: Generation? { freshness }

    /// Fetches once for an unknown key, and then not again for the same reason until the cooldown is over, so that invented keys
    /// cost the issuer nothing and their senders learn nothing.
    ///
    /// - Throws: ``KeysUnavailable`` also when the issuer could not be asked whether there is such a key: that is "cannot know".
    public func keySet(lacking kid: KeyID, at now: Timestamp) async throws(KeysUnavailable) -> KeySet {
        let set = try keySet(at: now)
        // Another request's fetch may have brought it.
        if set.keys[kid] != nil { return set }
        let elapsed = time.elapsed()
        // In this order: whoever uses up the permission begins the fetch in the same step, so one of the two is seen.
        if state.withLock({ $0.maySearch(at: elapsed) }) || flights.waiting(for: Fetch()) != nil {
            if let set = try await searched(for: kid, at: elapsed) { return set }
        }
        if let failure = state.withLock({ $0.failure }) { throw Self.unavailable(kid, failure) }
        return try keySet(at: now)
    }

    /// Waits for the fetch that is on its way, or begins one if it may. `nil` when there is none to wait for.
    ///
    /// What a search began ends with it: were it handed over to the next that waits, a crowd of invented keys would send one
    /// request after the other to an issuer that hangs.
    private func searched(for kid: KeyID, at elapsed: Duration) async throws(KeysUnavailable) -> KeySet? {
        let patience = configuration.unknownKeyPatience
        let late = TokenError(.timedOut, "the issuer did not answer in time")
        do throws(TokenError) {
            let outcome = try await time.limit(to: patience, orThrow: late) { () async throws(TokenError) in
                await self.flights.value(for: Fetch(), mayBegin: { self.beginSearch(at: elapsed) }) {
                    if let fetched = await self.fetch(within: patience) { return fetched }
                    // Before the fetch is over for others: whoever comes then sees one of the two, and not that the key is unknown.
                    self.state.withLock { $0.gaveUp(late) }
                    return .failure(late)
                }
            }
            return try outcome?.get()
        } catch {
            // Also when the request was given up by its sender: the fetch it began has come to nothing.
            let error = error.code == .cancelled ? late : error
            state.withLock { $0.gaveUp(error) }
            throw Self.unavailable(kid, error)
        }
    }

    private func beginSearch(at elapsed: Duration) -> Bool {
        state.withLock { $0.beginSearch(at: elapsed, cooldown: configuration.unknownKeyCooldown) }
    }

    private static func unavailable(_ kid: KeyID, _ error: TokenError) -> KeysUnavailable {
        KeysUnavailable("the key \(kid) is not in the key set, and the issuer cannot be asked for a newer one: \(error.message)")
    }

    /// Whether there is a set that may be trusted now.
    public var isReady: Bool { (try? keySet(at: time.wallClock())) != nil }

    /// Returns when there is a set that may be trusted, and fetches it itself if need be, as long and as often as it takes.
    ///
    /// - Throws: `CancellationError`, when the task is cancelled or the program is told to stop before, and nothing else: an
    ///   issuer that is not up yet is no reason to fail.
    public func waitUntilReady() async throws {
        try await cancelWhenGracefulShutdown {
            while !self.isReady {
                let pause = self.untilDue()
                if pause > .zero {
                    try await self.time.sleep(pause)
                } else {
                    _ = try? await self.fetched(within: self.configuration.fetchTimeout)
                }
                try Task.checkCancellation()
            }
        }
    }
}
