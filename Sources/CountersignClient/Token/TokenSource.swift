internal import CountersignCrypto
internal import Logging
internal import Synchronization

/// Tokens for calling other services: fetched when first asked for, kept, and renewed ahead of time.
///
/// ```swift
/// let tokens = TokenSource(issuer)
/// let group = ServiceGroup(services: [issuer, tokens, app], logger: logger)
/// ...
/// request.headers.add(name: "Authorization", value: try await tokens.token(for: "search-svc").authorizationHeader)
/// ```
///
/// A token that is valid is returned at once, without a wait or a change of thread, whatever the issuer does. Only when there is
/// none does a caller wait, at most for ``Configuration/fetchTimeout``; all that want the same token wait for one request.
///
/// As a `Service` it renews tokens when the issuer advises (`refresh_in`), or at 50 to 60 % of their life, and at once when the own
/// certificate was replaced; it never fails because of the issuer. Without `run()` a caller that finds its token due sets off one
/// renewal and does not wait for it; nobody renews what nobody asks for.
///
/// A token in hand costs no change of thread and no lock that another caller holds.
public final class TokenSource: Sendable {
    public struct Configuration: Sendable {
        /// How long a caller without a valid token waits, over all addresses and attempts.
        public var fetchTimeout: Duration
        /// Tokens that nobody has asked for in this time are no longer renewed.
        public var forgetAfter: Duration
        /// Our own service as the issuer knows it: sent as `client_id`, and no token of another service is taken.
        ///
        /// RFC 8705 section 2 wants a client to send it. Countersign's issuer knows its callers by their certificates and does
        /// without; a name that is not the certificate's is refused. Set it for an issuer that insists, or to be sure.
        public var clientID: String?

        public init(
            fetchTimeout: Duration = .seconds(10),
            forgetAfter: Duration = .seconds(3600),
            clientID: String? = nil
        ) {
            self.fetchTimeout = fetchTimeout
            self.forgetAfter = forgetAfter
            self.clientID = clientID
        }
    }

    let issuer: IssuerClient
    let configuration: Configuration
    let time: ClientTime
    let logger: Logger
    let ready = ReadyTokens()
    let state: Mutex<State>
    /// How many `run()` are at work.
    let runners = Atomic<Int>(0)
    let flights = SingleFlight<TokenRequest, Result<AccessToken, TokenError>>()

    struct State {
        var cache: TokenCache
    }

    /// Time and logger are those of `issuer`.
    public init(_ issuer: IssuerClient, configuration: Configuration = Configuration()) {
        self.issuer = issuer
        self.configuration = configuration
        time = issuer.time
        logger = issuer.logger
        state = Mutex(State(cache: TokenCache(ready: ready)))
    }

    /// A token that `audience` will accept now.
    ///
    /// - Parameters:
    ///   - audience: the service to be called, as the issuer knows it.
    ///   - scope: what the token shall allow; the issuer's usual when empty. What was granted is in the token's claims.
    /// - Throws: ``TokenError``, only when no valid token is in hand. A refusal is remembered for up to a minute, so that asking
    ///   again and again does not reach the issuer.
    public nonisolated(nonsending) func token(
        for audience: String,
        scope: [String] = []
    ) async throws(TokenError) -> AccessToken {
        let request = TokenRequest(audience: audience, scope: scope)
        switch find(request) {
        case .token(let token, _): return token
        case .failing(let error): throw error
        case .none: return try await fetched(request)
        }
    }

    /// The valid token in hand, if there is one. Never asks the issuer.
    public func cachedToken(for audience: String, scope: [String] = []) -> AccessToken? {
        let request = TokenRequest(audience: audience, scope: scope)
        guard case .token(let token, _) = find(request, renewing: false) else { return nil }
        return token
    }

    private func find(_ request: TokenRequest, renewing: Bool = true) -> TokenCache.Finding {
        let now = time.elapsed()
        let isKeptFresh = runners.load(ordering: .relaxed) > 0
        if let token = readyToken(request, at: now, isKeptFresh: isKeptFresh) { return .token(token, isDue: false) }
        if let ready = ready.find(request), let generation = issuer.generation(of: ready.token.certificateSHA256) {
            ready.confirm(generation)
        }
        let certificate = issuer.certificateSHA256
        // With a service, that sees to it.
        let renews = renewing && !isKeptFresh
        let finding = state.withLock { state in
            state.cache.find(request, at: now, certificate: certificate, claim: renews ? configuration.fetchTimeout : nil)
        }
        if renews, case .token(_, isDue: true) = finding { renew(request) }
        return finding
    }

    /// The way nearly every call goes.
    private func readyToken(_ request: TokenRequest, at now: Duration, isKeptFresh: Bool) -> AccessToken? {
        guard let ready = ready.find(request), now < ready.expiresAt, isKeptFresh || now < ready.refreshAt,
            issuer.isInUse(ready.token.certificateSHA256, generation: ready.generation)
        else { return nil }
        ready.use(at: now)
        return ready.token
    }

    /// A task of its own, because a caller with a valid token waits for nobody. It ends within the fetch timeout, and there is
    /// one at a time for a request: whoever sets it off has claimed it.
    private func renew(_ request: TokenRequest) {
        let deadline = newDeadline
        Task {
            _ = await flights.valueIfFree(for: request) { await self.fetch(request, until: deadline) }
        }
    }

    private func fetched(_ request: TokenRequest) async throws(TokenError) -> AccessToken {
        try request.check()
        let deadline = newDeadline
        let outcome = await flights.value(for: request) { await self.fetch(request, until: deadline) }
        guard let outcome else { throw TokenError.cancelled }
        return try outcome.get()
    }
}
