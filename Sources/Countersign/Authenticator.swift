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
/// when it comes again: certificate, time, revocation and requirement are looked at every time.
public struct Authenticator: Sendable {
    private let expectations: Expectations
    private let trust: CertificateTrust
    private let callers: CallerPolicy
    private let keys: any KeySource
    private let revocations: any RevocationSource
    private let memoryOwner = MemoryOwner()

    /// Stands for this authenticator, and for no other with other rules, where its memory is kept.
    private final class MemoryOwner: Sendable {}

    public init(
        expecting expectations: Expectations,
        trust: CertificateTrust,
        callers: CallerPolicy,
        keys: any KeySource,
        revocations: any RevocationSource = Revocations.none
    ) {
        self.expectations = expectations
        self.trust = trust
        self.callers = callers
        self.keys = keys
        self.revocations = revocations
    }

    /// A name for this receiver in challenges: its first audience.
    public var realm: String { expectations.audiences.first ?? "" }

    /// Decides about one request.
    ///
    /// - Parameters:
    ///   - peer: the other end of the connection; `nil` when it presented no certificate, which is refused.
    ///   - authorization: every value of the request's Authorization fields.
    ///   - requirement: what the route asks beyond being a verified caller.
    ///   - now: the moment to decide for.
    /// - Returns: the verified caller, or the first refusal. Waits only when a token names a key that is not in the set.
    public func authenticate(
        peer: Peer?,
        authorization: [String],
        requiring requirement: Requirement = .none,
        at now: Timestamp
    ) async -> Verdict {
        do throws(Refusal) {
            let peer = try check(peer, tokenPresented: !authorization.isEmpty, at: now)
            let memory = try peer.note(by: memoryOwner) { certificate throws(Refusal) in
                ConnectionMemory(try callers.caller(certificate))
            }
            if let caller = remembered(authorization, in: memory, on: peer, requiring: requirement, at: now) {
                return .accepted(caller)
            }
            let token = try Self.parse(try BearerToken.only(in: authorization))
            let (key, set) = try await key(for: token, at: now)
            try Self.checkSignature(of: token, with: key)
            let caller = try check(token, signedBy: key, of: memory.caller, on: peer, at: now)
            if let value = authorization.first { memory.remember(caller, for: value, under: set) }
            if let refusal = requirement.refusal(for: caller) { throw refusal }
            return .accepted(caller)
        } catch {
            return .refused(error)
        }
    }

    /// The caller of a token that was found good before on this connection and still is. `nil` for any doubt: the whole
    /// check then follows and says what is wrong.
    private func remembered(
        _ authorization: [String],
        in memory: ConnectionMemory,
        on peer: Peer,
        requiring requirement: Requirement,
        at now: Timestamp
    ) -> VerifiedCaller? {
        guard authorization.count == 1, let value = authorization.first, let set = try? keys.keySet(at: now),
            let caller = memory.caller(for: value, under: set), requirement.refusal(for: caller) == nil
        else { return nil }
        do {
            try expectations.checkTimes(of: caller.claims, at: now)
            try checkRevocations(of: caller.claims, keyID: caller.keyID, on: peer, at: now)
            return caller
        } catch {
            return nil
        }
    }

    /// Steps 1 and 2.
    private func check(_ peer: Peer?, tokenPresented: Bool, at now: Timestamp) throws(Refusal) -> Peer {
        guard let peer else {
            throw Refusal(.noCertificate, "the connection has no client certificate", presentedToken: tokenPresented)
        }
        try trust.check(peer, at: now)
        return peer
    }

    /// The second half of step 4.
    private static func parse(_ token: [UInt8]) throws(Refusal) -> CompactJWS {
        do {
            return try CompactJWS(token, maxBytes: BearerToken.maxBytes)
        } catch {
            throw Refusal(Reason(error), error.message)
        }
    }

    /// Step 5: the header selects a key of ours by its exact identifier, and nothing else.
    private func key(for token: CompactJWS, at now: Timestamp) async throws(Refusal) -> (JWK, KeySet) {
        let set: KeySet
        do {
            set = try keys.keySet(at: now)
        } catch {
            throw Refusal(.keysUnavailable, error.message)
        }
        if let key = set.key(forHeaderSegment: token.headerSegment) { return (key, set) }
        let header: TokenHeader
        do {
            header = try TokenHeader(json: token.header)
        } catch {
            throw Refusal(Reason(error), error.message)
        }
        if let key = set.key(header.kid) { return (key, set) }
        do {
            let newer = try await keys.keySet(lacking: header.kid, at: now)
            if let key = newer.key(header.kid) { return (key, newer) }
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
        of caller: CallerPolicy.Caller,
        on peer: Peer,
        at now: Timestamp
    ) throws(Refusal) -> VerifiedCaller {
        let claims: TokenClaims
        do {
            claims = try TokenClaims(json: token.payload)
        } catch {
            throw Refusal(Reason(error), error.message)
        }
        let audience = try expectations.check(claims, at: now)
        guard claims.serviceID.hasSameUTF8(as: caller.service) else {
            throw Refusal(.serviceMismatch, "the token is of \(claims.serviceID), the certificate of \(caller.service)")
        }
        guard claims.confirmation.certificateSHA256 == peer.certificate.sha256 else {
            throw Refusal(.bindingMismatch, "the token is bound to another certificate of \(caller.service)")
        }
        try checkRevocations(of: claims, keyID: key.kid, on: peer, at: now)
        return VerifiedCaller(peer: peer, identity: caller.identity, claims: claims, audience: audience, keyID: key.kid)
    }

    /// Step 10.
    private func checkRevocations(
        of claims: TokenClaims, keyID: KeyID, on peer: Peer, at now: Timestamp
    ) throws(Refusal) {
        let current: Revocations
        do {
            current = try revocations.revocations(at: now)
        } catch {
            throw Refusal(.statusUnavailable, error.message)
        }
        try current.check(claims, keyID: keyID, certificate: peer.certificate)
    }
}
