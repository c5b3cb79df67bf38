public import Countersign
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// What the issuer has revoked and denied, fetched over mutual TLS every 15 seconds or as often as the issuer says.
///
/// ```swift
/// let keys = RemoteKeySource(issuer)
/// let status = RemoteStatusSource(issuer, keys: keys, expecting: "https://tokens.link.internal:8443")
/// let authenticator = Authenticator(expecting: ..., trust: ..., callers: ..., keys: keys, revocations: status)
/// app.beforeServerStarts { try await status.waitUntilReady() }
/// let group = ServiceGroup(services: [issuer, keys, status, app], logger: logger)
/// ```
///
/// Run it as a `Service`. A document holds for as long as the issuer says, two minutes by default, counted from when it was
/// signed and by a clock that cannot be set. After that the source fails closed: every request is answered 503 with the reason
/// `status-unavailable`, until the issuer is reached again. So what is revoked is dead here within that time even if nothing
/// comes through. ``Configuration/acceptsStale`` turns that off.
///
/// A document is taken only with a key of a set that was fetched after it: a key that was revoked cannot sign its own pardon.
public final class RemoteStatusSource: RevocationSource {
    public struct Configuration: Sendable {
        /// How often to fetch; nil does as the issuer says. Sooner where the document would end before.
        public var poll: Duration?
        /// Fails open: what was last known holds for as long as nothing newer comes. Nothing at all is known before the first
        /// document, and then everything is refused all the same.
        public var acceptsStale: Bool
        /// For one fetch, over all addresses and attempts.
        public var fetchTimeout: Duration
        /// By how many seconds the clocks of issuer and receiver may differ.
        public var leeway: Int64

        public init(
            poll: Duration? = nil, acceptsStale: Bool = false, fetchTimeout: Duration = .seconds(5), leeway: Int64 = 60
        ) {
            self.poll = poll
            self.acceptsStale = acceptsStale
            self.fetchTimeout = fetchTimeout
            self.leeway = leeway
        }
    }

    let issuer: IssuerClient
    let keys: RemoteKeySource
    let expectedIssuer: String
    let configuration: Configuration
    let time: ClientTime
    let logger: Logger
    let state = Mutex(StatusState())
    let freshness: Generation
    let flights = SingleFlight<Fetch, Bool>()

    /// There is one thing to fetch.
    struct Fetch: Hashable, Sendable {}

    /// - Parameters:
    ///   - issuer: the way to the issuer; time and logger are its own.
    ///   - keys: the keys that documents are verified with.
    ///   - expected: the issuer's name, exactly as in tokens.
    public init(
        _ issuer: IssuerClient, keys: RemoteKeySource, expecting expected: String,
        configuration: Configuration = Configuration()
    ) {
        self.issuer = issuer
        self.keys = keys
        expectedIssuer = expected
        self.configuration = configuration
        time = issuer.time
        freshness = Generation(elapsed: issuer.time.elapsed)
        logger = issuer.logger
    }

    public func revocations(at now: Timestamp) throws(StatusUnavailable) -> Revocations {
        let elapsed = time.elapsed()
        let (status, isFresh, failure) = state.withLock { state in
            (state.status, state.isFresh(at: elapsed, wallClock: now, leeway: configuration.leeway), state.failure)
        }
        guard let status else {
            throw StatusUnavailable("nothing is known of what is revoked: \(failure ?? "nothing was fetched yet")")
        }
        guard isFresh || configuration.acceptsStale else {
            throw StatusUnavailable("what is revoked is known up to \(status.issuedAt) only: \(failure ?? "nothing newer came")")
        }
        return status.revocations
    }

    /// Ends with the document, unless what is stale is accepted.
    public var generation: Generation? { freshness }

    /// Whether requests can be decided now.
    public var isReady: Bool { (try? revocations(at: time.wallClock())) != nil }

    /// The number of the status in hand, which grows with every change at the issuer; nil before the first.
    public var number: Int64? { state.withLock { $0.status?.number } }

    /// Waits until there is a status that holds. Fetches it itself if ``run()`` does not, and no more often than that would: after
    /// failures, with pauses that grow up to the usual time between two documents.
    ///
    /// - Throws: `CancellationError` when the task is cancelled, or the program told to stop, before.
    public func waitUntilReady() async throws {
        try await cancelWhenGracefulShutdown {
            while !self.isReady {
                try await self.fetchWhenDue()
                try Task.checkCancellation()
            }
        }
    }
}
