public import CountersignCrypto
public import CountersignJOSE

/// A token for one audience, with what it says of itself.
///
/// Its description tells whose it is, for whom and until when, and never the token. Cheap to copy. The claims were given by the
/// issuer over a connection that proved who it is; the signature was not checked, which is the receiver's business.
public struct AccessToken: Sendable {
    private let storage: Storage

    private final class Storage: Sendable {
        let value: String
        let authorizationHeader: String
        let claims: TokenClaims
        let expiresAt: Timestamp

        init(value: String, claims: TokenClaims, expiresAt: Timestamp) {
            self.value = value
            self.authorizationHeader = "Bearer \(value)"
            self.claims = claims
            self.expiresAt = expiresAt
        }
    }

    init(value: String, claims: TokenClaims, expiresAt: Timestamp) {
        storage = Storage(value: value, claims: claims, expiresAt: expiresAt)
    }

    /// The token itself: a secret as long as it lives, though of use only with the certificate it is bound to.
    public var value: String { storage.value }

    /// The value of the field `Authorization`: `Bearer ...`.
    public var authorizationHeader: String { storage.authorizationHeader }

    public var claims: TokenClaims { storage.claims }

    /// When it ends by this machine's wall clock; the issuer's clock says ``TokenClaims/expiresAt``.
    public var expiresAt: Timestamp { storage.expiresAt }

    /// SHA-256 of the certificate it is bound to, which must be that of the connection it is sent on.
    public var certificateSHA256: SHA256Digest { storage.claims.confirmation.certificateSHA256 }
}

extension AccessToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        "token of \(claims.serviceID) for \(claims.audience.joined(separator: ", ")) until \(expiresAt), value not shown"
    }

    public var debugDescription: String { description }

    /// So that `dump` shows no more either.
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
