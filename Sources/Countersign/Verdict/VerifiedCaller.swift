internal import CountersignJSON

/// A caller whose certificate and token were both checked and found to belong together.
///
/// Only ``Authenticator`` makes one: a function that takes this type cannot be reached by an unchecked request. Copies are
/// cheap; they share their contents.
public struct VerifiedCaller: Sendable {
    private let storage: Storage

    private final class Storage: Sendable {
        // The fingerprint and not the peer: the peer keeps remembered callers, and must not be kept by them.
        let certificateSHA256: SHA256Digest
        let caller: CallerPolicy.Caller
        let claims: TokenClaims
        let audience: String
        let keyID: KeyID

        init(
            certificateSHA256: SHA256Digest, caller: CallerPolicy.Caller, claims: TokenClaims, audience: String, keyID: KeyID
        ) {
            self.certificateSHA256 = certificateSHA256
            self.caller = caller
            self.claims = claims
            self.audience = audience
            self.keyID = keyID
        }
    }

    init(peer: Peer, caller: CallerPolicy.Caller, claims: TokenClaims, audience: String, keyID: KeyID) {
        storage = Storage(
            certificateSHA256: peer.certificate.sha256, caller: caller, claims: claims, audience: audience, keyID: keyID
        )
    }

    /// The service, as certificate and token agree.
    public var service: String { storage.claims.serviceID }
    /// The subject of the certificate the connection proved.
    public var subject: DistinguishedName { storage.caller.identity.subject }
    public var spiffeID: SPIFFEID? { storage.caller.identity.spiffeID }
    /// SHA-256 of the certificate (RFC 8705 3.1).
    public var certificateSHA256: SHA256Digest { storage.certificateSHA256 }
    /// Who issued the token.
    public var issuer: String { storage.claims.issuer }
    /// Which of the receiver's audiences the token is for.
    public var audience: String { storage.audience }
    /// What the service may do here, in the token's order.
    public var roles: [String] { storage.claims.roles }
    public var scopes: [String] { storage.claims.scope }
    public var tokenID: String { storage.claims.tokenID }
    public var keyID: KeyID { storage.keyID }
    public var issuedAt: Timestamp { storage.claims.issuedAt }
    /// The token is refused from this second on.
    public var expiresAt: Timestamp { storage.claims.expiresAt }

    /// Whether the token carries the role, byte for byte.
    public func hasRole(_ role: String) -> Bool {
        roles.contains { $0.hasSameUTF8(as: role) }
    }

    /// Whether the token carries the scope, byte for byte.
    public func hasScope(_ scope: String) -> Bool {
        scopes.contains { $0.hasSameUTF8(as: scope) }
    }

    var notBefore: Timestamp { storage.claims.notBefore }
    var claims: TokenClaims { storage.claims }
}
