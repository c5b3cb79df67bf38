internal import CountersignJSON

/// What a receiver expects of every token.
public struct Expectations: Sendable {
    /// The exact `iss`, compared byte by byte.
    public let issuer: String
    /// The names this receiver answers to; a token must be for one of them.
    public let audiences: [String]
    /// How far `iat` and `nbf` may lie in the future, in seconds (0 to 300). `exp` has no leeway.
    public let leeway: Int64
    /// The longest `exp - iat`, in seconds, that is believed.
    public let maxLifetime: Int64

    /// - Parameters:
    ///   - issuer: the issuer's address, exactly as in its metadata.
    ///   - audiences: at least one, or nothing is accepted.
    ///   - leeway: clamped to 0...300.
    ///   - maxLifetime: an hour unless said otherwise, which is the longest a Countersign issuer can be told to grant.
    public init(issuer: String, audiences: [String], leeway: Int64 = 60, maxLifetime: Int64 = 3600) {
        self.issuer = issuer
        self.audiences = audiences
        self.leeway = min(max(leeway, 0), 300)
        self.maxLifetime = max(maxLifetime, 0)
    }

    /// Step 7. Returns the audience that the token and the receiver share.
    func check(_ claims: TokenClaims, at now: Timestamp) throws(Refusal) -> String {
        guard claims.issuer.hasSameUTF8(as: issuer) else {
            throw Refusal(.issuerMismatch, "the token is of another issuer than \(issuer)")
        }
        guard let audience = audiences.first(where: { mine in claims.audience.contains { $0.hasSameUTF8(as: mine) } })
        else {
            throw Refusal(.audienceMismatch, "the token is not for \(audiences.joined(separator: " or "))")
        }
        try checkTimes(issuedAt: claims.issuedAt, notBefore: claims.notBefore, expiresAt: claims.expiresAt, at: now)
        let lifetime = claims.expiresAt.seconds(since: claims.issuedAt)
        guard (1...max(1, maxLifetime)).contains(lifetime) else {
            throw Refusal(.tokenLifetime, "the token lives \(lifetime) s; at most \(maxLifetime) are believed")
        }
        guard claims.subject.hasSameUTF8(as: claims.serviceID), claims.clientID.hasSameUTF8(as: claims.serviceID)
        else {
            throw Refusal(.subjectMismatch, "sub, client_id and service_id of the token are not the same")
        }
        return audience
    }

    /// The part of step 7 that changes while a token is remembered.
    func checkTimes(
        issuedAt: Timestamp, notBefore: Timestamp, expiresAt: Timestamp, at now: Timestamp
    ) throws(Refusal) {
        guard now < expiresAt else {
            throw Refusal(.tokenExpired, "the token expired at \(expiresAt)")
        }
        let latest = now.adding(seconds: leeway)
        guard issuedAt <= latest, notBefore <= latest else {
            throw Refusal(.tokenNotYetValid, "the token is valid from \(max(notBefore, issuedAt)); is this clock slow?")
        }
    }
}
