public import Countersign
public import CountersignCrypto
public import CountersignJOSE
public import Logging
public import ServiceLifecycle
internal import Synchronization

/// The keys of a running issuer: what it signs with and what it publishes, kept up with the store.
///
/// A request reads ``snapshot``, which costs a lock held for a copy and never waits for the store. ``run()`` looks at the
/// store twice a second, takes over what others changed, and does what is due by time: promotion, retirement, and a rotation
/// of its own accord after ``KeyRingParameters/rotateEvery``. Several issuers on one store agree: each saves on condition
/// that nobody was faster, and the slower one takes over what the faster one did.
///
/// Fails closed where a token might outlive its key and open where it cannot: a ring that is damaged or out of reach while the
/// issuer runs leaves the last good keys in force and is logged once; a ring that says another key signs, whose private key
/// cannot be had, leaves nothing to sign with.
///
/// A key is made only by ``run()`` (and never for a request), and only when a rotation is due.
public final class SigningKeys: Sendable {
    /// What holds at one moment. Built once per change.
    public struct Snapshot: Sendable {
        /// Signs tokens. Nil when the private key of the signing key cannot be had: answer 503, with `Retry-After`.
        public let signer: TokenSigner?
        /// The key that signs, or would.
        public let signingKeyID: KeyID
        /// The published keys: announced, signing and retiring.
        public let keySet: JWKSet
        /// ``keySet`` as JSON text, ready to be served as `application/jwk-set+json`.
        public let jwks: [UInt8]
        /// The entity tag of ``jwks``, with its quotes; the same at every issuer that publishes the same keys.
        public let etag: String
        /// Grows by one with every change this process took over, beginning with 1.
        public let generation: UInt64
        /// The revision of the ring in the store.
        public let revision: Int64
        /// When something is next to be done; nil when nothing is.
        public let nextChange: Timestamp?
        /// The announced key.
        public let announcedKeyID: KeyID?
        /// What receivers are told of revocations; nil when nothing can sign it, or when the issuer publishes none.
        public let status: StatusDocument?
        /// What is revoked and denied.
        public let revocations: Revocations
    }

    struct State {
        var stored: StoredKeyRing
        var snapshot: Snapshot
        var parameters: KeyRingParameters
        /// The announced key, read ahead so that its promotion costs nothing and a problem with it is known in time.
        var next: TokenSigner?
        /// A key that was made for a rotation which could not be saved yet.
        var spare: RSAPrivateKey?
        /// What was logged and still holds, so that it is logged once.
        var problems: [Problem: String] = [:]
        /// The receivers that a promotion was last found to wait for.
        var waitingFor: [String] = []
    }

    enum Problem {
        case reading, building, writing, signingKey, announcedKey, status, receivers, clock, clearing
    }

    let store: any KeyRingStore
    /// The same, for what is written without being asked for.
    let keeper: any KeyRingStore
    let logger: Logger
    let state: Mutex<State>
    /// What receivers fetched since it was last noted in the store. Apart from the state, which every token needs.
    let sightings = Mutex(PendingSightings())
    private let pollEvery: Duration
    let statusIssuer: String?
    private let clock: @Sendable () -> Timestamp
    private let elapsed: @Sendable () -> Duration

    /// Takes over the ring in the store and gives it these parameters.
    ///
    /// - Parameters:
    ///   - keeping: another view of the store, which waits for its lock for no more than a moment: for what ``run()`` writes. It looks
    ///     at the store in between, and what it cannot write now it writes after the next look. Nil takes `store`.
    ///   - pollEvery: how often ``run()`` looks at the store. Others rely on a second at most.
    ///   - statusIssuer: the `iss` of the status documents; nil publishes none.
    ///   - clock: what time it is, for ``run()``.
    ///   - elapsed: time since some fixed moment, by a clock that cannot be set, to notice when the other one is.
    /// - Throws: ``KeyRingError``: `notInitialised` (with what to run), `example`, why the ring cannot be read, or why its
    ///   signing key's private key cannot be had: an issuer must not start with these.
    public init(
        store: any KeyRingStore,
        keeping: (any KeyRingStore)? = nil,
        parameters: KeyRingParameters,
        logger: Logger,
        pollEvery: Duration = .milliseconds(500),
        statusIssuer: String? = nil,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        elapsed: @escaping @Sendable () -> Duration = MonotonicTime.elapsed
    ) async throws(KeyRingError) {
        let now = clock()
        // Before the update: a signing key that cannot be had is no reason to change the ring.
        let before = try await store.load()
        let first = try await store.privateKey(for: before.ring.signing.jwk)
        let stored = try await store.update { stored throws(KeyRingError) in
            let ring = await store.settleIfPossible(try stored.ring.applying(.adopt(parameters), at: now), at: now)
            let isPromoted = ring.signing.jwk.kid != stored.ring.signing.jwk.kid
            return KeyRingChange(isPromoted ? ring.recordingPromotion(by: .issuer, at: now) : ring)
        }
        // To open an encrypted key takes a while, so not twice.
        let isFirst = stored.ring.signing.jwk.key == first.publicKey
        let signer = TokenSigner(key: isFirst ? first : try await store.privateKey(for: stored.ring.signing.jwk))
        let status = try statusIssuer.map { issuer throws(KeyRingError) in
            try StatusDocument(of: stored.ring, issuer: issuer, signedBy: signer, at: now)
        }
        let snapshot = try Snapshot(stored, signer: signer, status: status, generation: 1)
        self.store = store
        keeper = keeping ?? store
        self.logger = logger
        self.statusIssuer = statusIssuer
        self.pollEvery = pollEvery
        self.clock = clock
        self.elapsed = elapsed
        state = Mutex(State(stored: stored, snapshot: snapshot, parameters: parameters))
        logger.info("key ring loaded", metadata: metadata(of: stored))
        if stored.ring.signing.jwk.kid != before.ring.signing.jwk.kid { log(stored, after: before) }
        await readAhead(stored, at: now)
        await clearLeftovers()
    }

    /// The keys as they are now. Cheap; take it once per request.
    public var snapshot: Snapshot {
        state.withLock { $0.snapshot }
    }

    /// Whether the ring in the store cannot be read, so that what holds here may not be what it says.
    public var isStale: Bool {
        state.withLock { $0.problems[.reading] != nil }
    }

    /// Whether the clock was set lately, so that nothing is to be done because of the time it tells.
    var isClockDistrusted: Bool {
        state.withLock { $0.problems[.clock] != nil }
    }

    /// Takes over other durations, from a configuration that was read again.
    ///
    /// - Throws: ``KeyRingError`` when the ring cannot be changed; then the old ones hold.
    public func adopt(_ parameters: KeyRingParameters, at now: Timestamp) async throws(KeyRingError) {
        let base = state.withLock { $0.stored.revision }
        let stored = try await store.update { stored throws(KeyRingError) in
            KeyRingChange(try stored.ring.applying(.adopt(parameters), at: now))
        }
        state.withLock { $0.parameters = parameters }
        await take(stored, from: base, at: now)
    }
}

extension SigningKeys: Service {
    /// Keeps up with the store until the task is cancelled or the service group shuts down gracefully.
    public func run() async throws {
        var steadiness = ClockSteadiness(wallClock: clock(), elapsed: elapsed())
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            try? await cancelWhenGracefulShutdown {
                try await Task.sleep(for: self.pollEvery)
            }
            if !Task.isCancelled, !Task.isShuttingDownGracefully {
                let now = clock()
                let isSteady = steadiness.isSteady(wallClock: now, elapsed: elapsed())
                reportClock(isSteady: isSteady, now)
                await reload(at: now, settling: isSteady)
            }
        }
    }
}

extension SigningKeys.Snapshot {
    init(
        _ stored: StoredKeyRing, signer: TokenSigner?, status: StatusDocument?, generation: UInt64
    ) throws(KeyRingError) {
        self.signer = signer
        self.generation = generation
        signingKeyID = stored.ring.signing.jwk.kid
        keySet = try stored.ring.keySet()
        jwks = keySet.json
        etag = "\"\(Base64URL.encode(SHA256.digest(of: jwks).bytes))\""
        revision = stored.revision.number
        nextChange = stored.ring.nextChange
        announcedKeyID = stored.ring.announced?.jwk.kid
        self.status = status
        revocations = Revocations(of: stored.ring)
    }
}
