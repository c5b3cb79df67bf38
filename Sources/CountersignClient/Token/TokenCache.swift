internal import CountersignCrypto

/// The tokens in hand and what is known about getting new ones. Only decides; asks nobody.
struct TokenCache {
    enum Finding {
        /// Good now. `isDue` when it is time to fetch the next one.
        case token(AccessToken, isDue: Bool)
        /// None in hand, and the last answer was one that asking again so soon would not change.
        case failing(TokenError)
        case none
    }

    /// One entry costs about 3 KiB with its token, and 0.1 KiB in each of the copies in ``ReadyTokens``.
    static let maxEntries = 1024
    static let firstPause = Duration.seconds(1)
    /// After failures that pass by themselves, and after those that do not.
    static let longestPauses = (temporary: Duration.seconds(10), other: Duration.seconds(60))

    struct Entry {
        var ready: ReadyToken?
        /// After a failure, when to ask again.
        var retryAt = Duration.zero
        /// When the issuer last gave a token or none, or began to be asked for a replacement.
        var triedAt: Duration?
        /// Somebody is seeing to the next one and is left to it until then.
        var claimedUntil = Duration.zero
        var failures = 0
        var error: TokenError?
        /// That token and failures belong to.
        var certificate: SHA256Digest
        /// When somebody last asked and was not served by ``ReadyTokens``.
        var askedAt: Duration

        func token(at now: Duration, certificate: SHA256Digest) -> AccessToken? {
            guard let ready, now < ready.expiresAt, self.certificate == certificate else { return nil }
            return ready.token
        }

        mutating func use(at now: Duration, certificate: SHA256Digest) -> Finding {
            askedAt = now
            if let token = token(at: now, certificate: certificate) {
                return .token(token, isDue: now >= max(dueAt, claimedUntil))
            }
            if let error, !error.isTemporary, self.certificate == certificate, now < retryAt { return .failing(error) }
            return .none
        }

        var usedAt: Duration { max(askedAt, ready?.usedAt ?? .zero) }

        var dueAt: Duration { max(ready?.refreshAt ?? .zero, retryAt) }

        /// What was refused is asked for again only when somebody wants it, or while there is a token to lose.
        func isKeptFresh(at now: Duration) -> Bool {
            ready.map { now < $0.expiresAt } ?? false || error?.isTemporary ?? true
        }
    }

    /// Kept equal to the tokens of the entries.
    let ready: ReadyTokens
    private var entries: [TokenRequest: Entry] = [:]

    init(ready: ReadyTokens) {
        self.ready = ready
    }

    /// What there is for a use now. A token that is bound to another certificate than `certificate` is none.
    ///
    /// - Parameter claim: who is told that the token is due is the one to see to it, and nobody else is told for that long.
    mutating func find(
        _ request: TokenRequest, at now: Duration, certificate: SHA256Digest, claim: Duration? = nil
    ) -> Finding {
        guard let index = entries.index(forKey: request) else { return .none }
        let finding = entries.values[index].use(at: now, certificate: certificate)
        if let claim, case .token(_, isDue: true) = finding { entries.values[index].claimedUntil = now + claim }
        return finding
    }

    /// A token for which it is not yet time. Looking is not using.
    func fresh(_ request: TokenRequest, at now: Duration, certificate: SHA256Digest) -> AccessToken? {
        guard let entry = entries[request], now < entry.dueAt else { return nil }
        return entry.token(at: now, certificate: certificate)
    }

    /// Whether the issuer may be asked for another token than the one in hand; if so, not again before `cooldown` has passed, which
    /// begins anew with the outcome.
    mutating func beginReplacing(
        _ request: TokenRequest, at now: Duration, certificate: SHA256Digest, cooldown: Duration
    ) -> Bool {
        guard let entry = entries[request], entry.certificate == certificate else { return true }
        if let triedAt = entry.triedAt, now < max(triedAt + cooldown, entry.retryAt) { return false }
        entries[request]?.triedAt = now
        return true
    }

    /// What is known about a request, for those who report it. Looking is not using.
    func entry(_ request: TokenRequest) -> Entry? { entries[request] }

    /// - Parameters:
    ///   - sentAt: when the request was sent; the life is counted from then.
    ///   - generation: see ``ReadyToken/generation``.
    mutating func store(
        _ response: TokenResponse, for request: TokenRequest, sentAt: Duration, generation: UInt64?, time: ClientTime
    ) {
        let now = time.elapsed()
        // Issuers cut the moment of issue to a whole second, so a token may end up to one second early.
        let life = Duration.seconds(response.expiresIn) - min(.seconds(1), .seconds(response.expiresIn) / 2)
        makeRoom(for: request)
        let usedAt = entries[request]?.usedAt ?? now
        let token = ReadyToken(
            response.token, expiresAt: sentAt + life,
            refreshAt: sentAt + time.refreshPoint(of: life, advised: response.refreshIn.map { .seconds($0) }),
            generation: generation, usedAt: usedAt
        )
        entries[request] = Entry(ready: token, triedAt: now, certificate: response.token.certificateSHA256, askedAt: usedAt)
        ready.put(token, for: request)
    }

    /// What a failure means.
    struct Failure {
        /// Not just the one that is known already, told again while the issuer is left alone.
        let isNews: Bool
        /// How long the token in hand still lives, if there is one.
        let tokenLife: Duration?
    }

    /// Remembers a failure; a token in hand stays.
    mutating func fail(
        _ request: TokenRequest,
        with error: TokenError,
        certificate: SHA256Digest,
        time: ClientTime
    ) -> Failure {
        let now = time.elapsed()
        makeRoom(for: request)
        var entry = entries[request] ?? Entry(certificate: certificate, askedAt: now)
        if entry.certificate != certificate { entry = renewed(entry, request, certificate) }
        let isNews = entry.error != error || now >= entry.retryAt
        if isNews {
            entry.failures += 1
            entry.error = error
            entry.retryAt =
                now
                + time.backoff(
                    afterFailures: entry.failures,
                    from: Self.firstPause,
                    to: error.isTemporary ? Self.longestPauses.temporary : Self.longestPauses.other,
                    retryAfter: error.retryAfter
                )
        }
        entry.triedAt = now
        entry.claimedUntil = .zero
        entries[request] = entry
        let life = entry.token(at: now, certificate: certificate) == nil ? nil : entry.ready.map { $0.expiresAt - now }
        return Failure(isNews: isNews, tokenLife: life)
    }

    /// All whose time has come; they are not due again before `claim` has passed, unless their outcome is known earlier.
    ///
    /// Tokens bound to another certificate than `certificate` are of no more use to anybody: they are dropped, and due.
    mutating func claimDue(at now: Duration, certificate: SHA256Digest, for claim: Duration) -> [TokenRequest] {
        var due: [TokenRequest] = []
        for (request, entry) in entries {
            if entry.certificate != certificate {
                entries[request] = renewed(entry, request, certificate)
            } else if !entry.isKeptFresh(at: now) || now < max(entry.dueAt, entry.claimedUntil) {
                continue
            }
            entries[request]?.claimedUntil = now + claim
            due.append(request)
        }
        return due
    }

    /// When the next one's time comes.
    func nextDue(at now: Duration) -> Duration? {
        entries.values.lazy.filter { $0.isKeptFresh(at: now) }.map { max($0.dueAt, $0.claimedUntil) }.min()
    }

    /// Lets go of what nobody has asked for since `moment`.
    mutating func forget(unusedSince moment: Duration) {
        for (request, entry) in entries where entry.usedAt < moment { remove(request) }
    }

    /// The same request for another certificate, with nothing in hand.
    private func renewed(_ entry: Entry, _ request: TokenRequest, _ certificate: SHA256Digest) -> Entry {
        ready.put(nil, for: request)
        return Entry(certificate: certificate, askedAt: entry.usedAt)
    }

    private mutating func remove(_ request: TokenRequest) {
        entries[request] = nil
        ready.put(nil, for: request)
    }

    private mutating func makeRoom(for request: TokenRequest) {
        guard entries.count >= Self.maxEntries, entries[request] == nil else { return }
        guard let oldest = entries.min(by: { $0.value.usedAt < $1.value.usedAt }) else { return }
        remove(oldest.key)
    }
}
