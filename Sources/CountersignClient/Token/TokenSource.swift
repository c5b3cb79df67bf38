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
/// As a `Service` it renews tokens at 50 to 60 % of their life, and at once when the own certificate was replaced; it never fails
/// because of the issuer. Without that, a caller that finds its token due renews it on the way, waiting at most for
/// ``Configuration/patience``, and gets the old one when that fails.
public final class TokenSource: Sendable {
    public struct Configuration: Sendable {
        /// How long a caller without a valid token waits, over all addresses and attempts.
        public var fetchTimeout: Duration
        /// How long a caller with a valid token waits for the next one, where no `run()` does that in the background.
        public var patience: Duration
        /// Tokens that nobody has asked for in this time are no longer renewed.
        public var forgetAfter: Duration

        public init(
            fetchTimeout: Duration = .seconds(10),
            patience: Duration = .seconds(1),
            forgetAfter: Duration = .seconds(3600)
        ) {
            self.fetchTimeout = fetchTimeout
            self.patience = patience
            self.forgetAfter = forgetAfter
        }
    }

    let issuer: IssuerClient
    let configuration: Configuration
    let time: ClientTime
    let logger: Logger
    let state = Mutex(State())
    let flights = SingleFlight<TokenRequest, Result<AccessToken, TokenError>>()

    struct State {
        var cache = TokenCache()
        /// How many `run()` are at work.
        var runners = 0
    }

    /// Time and logger are those of `issuer`.
    public init(_ issuer: IssuerClient, configuration: Configuration = Configuration()) {
        self.issuer = issuer
        self.configuration = configuration
        time = issuer.time
        logger = issuer.logger
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
        case .token(let token, isDue: false): return token
        case .token(let token, isDue: true): return await renewed(request) ?? token
        case .failing(let error): throw error
        case .none: return try await fetched(request)
        }
    }

    /// The valid token in hand, if there is one. Never asks the issuer.
    public func cachedToken(for audience: String, scope: [String] = []) -> AccessToken? {
        guard case .token(let token, _) = find(TokenRequest(audience: audience, scope: scope)) else { return nil }
        return token
    }

    private func find(_ request: TokenRequest) -> TokenCache.Finding {
        let certificate = issuer.certificateSHA256
        let now = time.elapsed()
        return state.withLock { state in
            let finding = state.cache.find(request, at: now, certificate: certificate)
            // Somebody else sees to it.
            if state.runners > 0, case .token(let token, _) = finding { return .token(token, isDue: false) }
            return finding
        }
    }

    private func fetched(_ request: TokenRequest) async throws(TokenError) -> AccessToken {
        try request.check()
        let outcome = await flights.value(for: request) {
            await self.fetch(request, within: self.configuration.fetchTimeout)
        }
        guard let outcome else { throw TokenError.cancelled }
        return try outcome.get()
    }

    private func renewed(_ request: TokenRequest) async -> AccessToken? {
        let outcome = await flights.valueIfFree(for: request) {
            await self.fetch(request, within: self.configuration.patience)
        }
        return try? outcome?.get()
    }
}
