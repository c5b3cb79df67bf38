internal import CountersignCrypto
internal import Synchronization

extension TokenSource {
    /// A token that was fetched less than this ago is as good as any: a receiver that refuses it would refuse the next as well.
    static let freshness = Duration.seconds(10)

    /// Another token than one that a receiver did not accept, for a second try.
    ///
    /// The rejected token is not dropped, for one receiver's word is not everybody's; it is replaced when the issuer gives
    /// another. However many receivers refuse whatever they are sent, the issuer is asked once in ten seconds.
    ///
    /// - Returns: `nil` when there is no better token to be had now: the rejected one was just fetched, or the issuer gives
    ///   none.
    public func token(
        for audience: String, scope: [String] = [], insteadOf rejected: AccessToken
    ) async -> AccessToken? {
        let request = TokenRequest(audience: audience, scope: scope)
        let certificate = issuer.certificateSHA256
        let now = time.elapsed()
        let (inHand, isFresh) = state.withLock { state in
            let entry = state.cache.entry(request)
            return (
                entry?.token(at: now, certificate: certificate),
                entry?.ready.map { now - $0.storedAt < Self.freshness } ?? false
            )
        }
        if let inHand, inHand.value != rejected.value { return inHand }
        if inHand != nil, isFresh { return nil }
        let outcome = await flights.value(for: request) {
            await self.fetch(request, within: self.configuration.fetchTimeout, insteadOf: rejected)
        }
        guard let token = try? outcome?.get(), token.value != rejected.value else { return nil }
        return token
    }
}
