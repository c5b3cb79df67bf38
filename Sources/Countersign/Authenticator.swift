internal import CountersignJSON

/// Checks both halves of a caller, the certificate of its connection and the token of its request, in one call.
///
/// ```swift
/// let authenticator = Authenticator(
///     expecting: Expectations(issuer: "https://tokens.link.internal:8443", audiences: ["search-svc"]),
///     trust: .authorities(tls),
///     callers: CallerPolicy(rules: [.trustDomain("link.internal")]),
///     keys: keys
/// )
/// let verdict = await authenticator.authenticate(peer: peer, authorization: request.headers[values: .authorization], at: .now())
/// ```
///
/// There is no way to check a token without a peer. The checks run in a fixed order (``Reason/Step``) and the first that
/// fails is the answer. Everything fails closed: what is not proved is refused. No clock and no network are behind a call for a
/// token of a known key. It costs one RSA verification the first time a token comes on a connection, and a few comparisons
/// when it comes again: time and requirement are looked at every time, and all of it when keys, authorities, revocation lists
/// or revocations are not what they were.
public struct Authenticator: Sendable {
    private let rules: Rules

    /// Stands for this authenticator, and for no other with other rules, where its memory is kept. It holds nothing, so that a
    /// connection does not keep old rules and their sources.
    private final class Author: Sendable {}

    /// One object, so that a copy of the authenticator costs one reference.
    private final class Rules: Sendable {
        let expectations: Expectations
        let trust: CertificateTrust
        let callers: CallerPolicy
        let keys: any KeySource
        /// `nil` when nothing ever is revoked.
        let revocations: (any RevocationSource)?
        let binding: TokenBinding
        let generations: VerdictBasis.Generations?
        let author = Author()

        init(
            _ expectations: Expectations, _ trust: CertificateTrust, _ callers: CallerPolicy, _ keys: any KeySource,
            _ revocations: any RevocationSource, _ binding: TokenBinding
        ) {
            self.expectations = expectations
            self.trust = trust
            self.callers = callers
            self.keys = keys
            self.revocations = revocations as? Revocations == Revocations.none ? nil : revocations
            self.binding = binding
            generations = VerdictBasis.Generations(keys, trust, revocations)
        }
    }

    /// - Parameter binding: which certificates of its service a token may come with; the one it was fetched with, unless said
    ///   otherwise.
    public init(
        expecting expectations: Expectations,
        trust: CertificateTrust,
        callers: CallerPolicy,
        keys: any KeySource,
        revocations: any RevocationSource = Revocations.none,
        binding: TokenBinding = .strict
    ) {
        rules = Rules(expectations, trust, callers, keys, revocations, binding)
    }

    /// A name for this receiver in challenges: its first audience.
    public var realm: String { rules.expectations.audiences.first ?? "" }

    /// Decides about one request.
    ///
    /// - Parameters:
    ///   - peer: the other end of the connection; `nil` when it presented no certificate, which is refused.
    ///   - authorization: every value of the request's Authorization fields.
    ///   - requirement: what the route asks beyond being a verified caller.
    ///   - now: the moment to decide for.
    /// - Returns: the verified caller, or the first refusal. Waits only when a token names a key that is not in the set.
    public nonisolated(nonsending) func authenticate(
        peer: Peer?,
        authorization: [String],
        requiring requirement: Requirement = .none,
        at now: Timestamp
    ) async -> Verdict {
        let basis = rules.generations?.basis(at: now)
        let known: ConnectionMemory? = peer?.note(by: rules.author)
        if let caller = remembered(authorization, in: known, on: basis, requiring: requirement, at: now) {
            return .accepted(caller)
        }
        do throws(Refusal) {
            let (peer, path) = try check(peer, with: authorization, at: now)
            let memory = try memory(of: peer, known: known, authorityKey: path?.authorityKeySHA256)
            let token = try Self.parse(try BearerToken.only(in: authorization))
            let key = if let known = try knownKey(for: token, at: now) { known } else { try await key(for: token, at: now) }
            try Self.checkSignature(of: token, with: key)
            let caller = try check(token, signedBy: key, of: memory, on: peer, at: now)
            if let basis, let path, let value = authorization.first {
                memory.remember(caller, for: value, on: basis, while: path)
            }
            if let refusal = requirement.refusal(for: caller) { throw refusal }
            return .accepted(caller)
        } catch {
            return .refused(error)
        }
    }

    /// The caller of a token that was found good before on this connection and still is. `nil` for any doubt: the whole
    /// check then follows and says what is wrong.
    package func remembered(
        _ authorization: [String],
        of peer: Peer?,
        requiring requirement: Requirement,
        at now: Timestamp
    ) -> VerifiedCaller? {
        remembered(
            authorization, in: peer?.note(by: rules.author), on: rules.generations?.basis(at: now), requiring: requirement,
            at: now
        )
    }

    private func remembered(
        _ authorization: [String],
        in memory: ConnectionMemory?,
        on basis: VerdictBasis?,
        requiring requirement: Requirement,
        at now: Timestamp
    ) -> VerifiedCaller? {
        guard authorization.count == 1, let memory, let basis,
            let caller = memory.caller(for: authorization[0], on: basis, at: now), requirement.refusal(for: caller) == nil
        else { return nil }
        do {
            try rules.expectations.checkTimes(
                issuedAt: caller.issuedAt, notBefore: caller.notBefore, expiresAt: caller.expiresAt, at: now
            )
            return caller
        } catch {
            return nil
        }
    }

    /// Step 3, once for each connection. What was concluded under another authority's key than the chain leads to now, since
    /// the trust files changed, is not used.
    func memory(of peer: Peer, known: ConnectionMemory? = nil, authorityKey: SHA256Digest?) throws(Refusal) -> ConnectionMemory {
        func make(_ certificate: Certificate) throws(Refusal) -> ConnectionMemory {
            ConnectionMemory(try rules.callers.caller(certificate, authorityKey: authorityKey), authorityKey: authorityKey)
        }
        let known = if let known { known } else { try peer.note(by: rules.author, make: make) }
        return known.authorityKey == authorityKey ? known : try make(peer.certificate)
    }

    /// Steps 1 and 2.
    private func check(
        _ peer: Peer?, with authorization: [String], at now: Timestamp
    ) throws(Refusal) -> (peer: Peer, path: ValidatedPath?) {
        do throws(Refusal) {
            guard let peer else { throw Refusal(.noCertificate, "the connection has no client certificate") }
            return (peer, try rules.trust.check(peer, at: now))
        } catch {
            throw Refusal(error.reason, error.message, presentedToken: BearerToken.isPresented(in: authorization))
        }
    }

    /// The second half of step 4.
    private static func parse(_ token: [UInt8]) throws(Refusal) -> CompactJWS {
        do {
            return try CompactJWS(token, maxBytes: BearerToken.maxBytes)
        } catch {
            throw Refusal(Reason(error), error.message)
        }
    }

    /// Step 5 for the tokens of a known key with the header that the issuer writes: nothing to wait for, nothing to parse.
    private func knownKey(for token: CompactJWS, at now: Timestamp) throws(Refusal) -> JWK? {
        try keySet(at: now).key(forHeaderSegment: token.headerSegment)
    }

    private func keySet(at now: Timestamp) throws(Refusal) -> KeySet {
        do {
            return try rules.keys.keySet(at: now)
        } catch {
            throw Refusal(.keysUnavailable, error.message)
        }
    }

    /// Step 5: the header selects a key of ours by its exact identifier, and nothing else.
    private func key(for token: CompactJWS, at now: Timestamp) async throws(Refusal) -> JWK {
        let header: TokenHeader
        do {
            header = try TokenHeader(json: token.header)
        } catch {
            throw Refusal(Reason(error), error.message)
        }
        if let key = try keySet(at: now).key(header.kid) { return key }
        do {
            if let key = try await rules.keys.keySet(lacking: header.kid, at: now).key(header.kid) { return key }
        } catch {
            throw Refusal(.keysUnavailable, error.message)
        }
        throw Refusal(.keyUnknown, "the issuer has no key \(header.kid)")
    }

    /// Step 6.
    private static func checkSignature(of token: CompactJWS, with key: JWK) throws(Refusal) {
        let isValid: Bool
        do {
            isValid = try key.key.isValidSignature(token.signature, for: token.signingInput)
        } catch {
            throw Refusal(.signatureUnchecked, error.message)
        }
        guard isValid else { throw Refusal(.signatureInvalid, "the signature is not by the key \(key.kid)") }
    }

    /// Steps 7 to 10.
    private func check(
        _ token: CompactJWS,
        signedBy key: JWK,
        of memory: ConnectionMemory,
        on peer: Peer,
        at now: Timestamp
    ) throws(Refusal) -> VerifiedCaller {
        let caller = memory.caller
        let claims: TokenClaims
        do {
            claims = try TokenClaims(json: token.payload)
        } catch {
            throw Refusal(Reason(error), error.message)
        }
        let audience = try rules.expectations.check(claims, at: now)
        guard claims.serviceID.hasSameUTF8(as: caller.service) else {
            throw Refusal(.serviceMismatch, "the token is of \(claims.serviceID), the certificate of \(caller.service)")
        }
        try rules.binding.check(claims, peer.certificate, authorityKey: memory.authorityKey)
        try revocations(at: now)?.check(claims, signedBy: key.kid, peer.certificate)
        return VerifiedCaller(peer: peer, caller: caller, claims: claims, audience: audience, keyID: key.kid)
    }

    /// What step 10 needs to know.
    private func revocations(at now: Timestamp) throws(Refusal) -> Revocations? {
        do {
            return try rules.revocations?.revocations(at: now)
        } catch {
            throw Refusal(.statusUnavailable, error.message)
        }
    }
}
