internal import CountersignCrypto
internal import Synchronization

extension TokenSource {
    /// A token that was fetched less than this ago is as good as any: a receiver that refuses it would refuse the next as well.
    /// And an issuer that gave none less than this ago would not give one now.
    static let freshness = Duration.seconds(10)

    /// Another token than one that a receiver did not accept, for a second try.
    ///
    /// The rejected token is not dropped, for one receiver's word is not everybody's; it is replaced when the issuer gives
    /// another. However many receivers refuse whatever they are sent, the issuer is asked once in ten seconds; when it gives none
    /// or cannot be reached, as seldom as for any token that it did not give. Those that come while it is asked wait for the
    /// outcome, at most for ``Configuration/fetchTimeout``.
    ///
    /// - Returns: `nil` when there is no better token to be had now: the rejected one was just fetched, or the issuer gives
    ///   none or gave none a moment ago.
    public func token(
        for audience: String, scope: [String] = [], insteadOf rejected: AccessToken
    ) async -> AccessToken? {
        let request = TokenRequest(audience: audience, scope: scope)
        if let token = inHand(request), token.value != rejected.value { return token }
        let deadline = newDeadline
        let outcome = await flights.value(for: request, mayBegin: { self.beginReplacing(request) }) {
            await self.fetch(request, until: deadline, insteadOf: rejected)
        }
        // Whoever may not ask may have come just after somebody else's answer.
        guard let token = (try? outcome?.get()) ?? inHand(request), token.value != rejected.value else { return nil }
        return token
    }

    private func beginReplacing(_ request: TokenRequest) -> Bool {
        let certificate = issuer.certificateSHA256
        let now = time.elapsed()
        return state.withLock { state in
            state.cache.beginReplacing(request, at: now, certificate: certificate, cooldown: Self.freshness)
        }
    }
}
