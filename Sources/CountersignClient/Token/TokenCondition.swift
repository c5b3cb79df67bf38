internal import CountersignCrypto
internal import Synchronization

/// How things stand with the tokens for one audience: for status pages, metrics and alerts.
public struct TokenCondition: Sendable {
    /// The token in hand, if it is valid.
    public let token: AccessToken?
    /// How long until the next one is fetched, from now; `nil` when nobody would.
    public let refreshesIn: Duration?
    /// What the last attempt came to, if it failed. The token in hand is then older than it should be, and good until it ends.
    public let failure: TokenError?
    /// How many attempts have failed since the last that did not.
    public let failures: Int
}

extension TokenSource {
    /// How things stand with a token. Asks nobody, and does not count as a use of it.
    ///
    /// - Returns: `nil` when nobody has asked for such a token.
    public func condition(of audience: String, scope: [String] = []) -> TokenCondition? {
        let request = TokenRequest(audience: audience, scope: scope)
        let certificate = issuer.certificateSHA256
        let now = time.elapsed()
        return state.withLock { state in
            state.cache.entry(request).map { entry in
                TokenCondition(
                    token: entry.token(at: now, certificate: certificate),
                    refreshesIn: entry.isKeptFresh(at: now) ? max(.zero, entry.dueAt - now) : nil,
                    failure: entry.error, failures: entry.failures
                )
            }
        }
    }
}
