public import CountersignCrypto
internal import CountersignJSON

/// The claims of an access token (RFC 9068 section 2.2, RFC 8705 section 3).
///
/// A value that was read has every required claim with the right type; whether the claims are true, for us and now is not
/// decided here. Compare strings by their UTF-8 bytes: Swift's `==` calls different code points equal.
public struct TokenClaims: Sendable {
    /// `iss`: the issuer's address.
    public var issuer: String
    /// `sub`: the service, the same as ``serviceID`` in a good token.
    public var subject: String
    /// `client_id`: the service, the same as ``serviceID`` in a good token.
    public var clientID: String
    /// `service_id`: the service that the token was issued to.
    public var serviceID: String
    /// `aud`: whom the token is for. One when it is written; at least one when it was read.
    public var audience: [String]
    /// `roles`: what the service is at the audience; may be empty.
    public var roles: [String]
    /// `scope`: what the service may do at the audience; empty when the token has no such claim.
    public var scope: [String]
    /// `iat`: when the token was issued.
    public var issuedAt: Timestamp
    /// `nbf`: the first moment of its life.
    public var notBefore: Timestamp
    /// `exp`: the first moment after its life.
    public var expiresAt: Timestamp
    /// `jti`: the token's own identifier.
    public var tokenID: String
    /// `cnf`: the certificate that the token is bound to.
    public var confirmation: Confirmation

    /// The claims of a token for one service, ready to be signed. `sub` and `client_id` are the service, `nbf` is `iat`.
    public init(
        issuer: String,
        serviceID: String,
        audience: String,
        roles: [String],
        scope: [String] = [],
        issuedAt: Timestamp,
        expiresAt: Timestamp,
        tokenID: String,
        confirmation: Confirmation
    ) {
        self.issuer = issuer
        self.subject = serviceID
        self.clientID = serviceID
        self.serviceID = serviceID
        self.audience = [audience]
        self.roles = roles
        self.scope = scope
        self.issuedAt = issuedAt
        self.notBefore = issuedAt
        self.expiresAt = expiresAt
        self.tokenID = tokenID
        self.confirmation = confirmation
    }
}

extension TokenClaims: Equatable {
    public static func == (lhs: TokenClaims, rhs: TokenClaims) -> Bool {
        lhs.texts.elementsEqual(rhs.texts) { $0.hasSameUTF8(as: $1) }
            && lhs.audience.count == rhs.audience.count && lhs.roles.count == rhs.roles.count
            && lhs.issuedAt == rhs.issuedAt && lhs.notBefore == rhs.notBefore && lhs.expiresAt == rhs.expiresAt
            && lhs.confirmation == rhs.confirmation
    }

    private var texts: [String] {
        [issuer, subject, clientID, serviceID, tokenID] + audience + roles + scope
    }
}
