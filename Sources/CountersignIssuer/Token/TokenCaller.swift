internal import Countersign
public import CountersignCrypto
internal import CountersignJOSE

/// A service at the other end of the connection: its certificate is good now and resolves to exactly one service.
///
/// Only ``TokenIssuer`` makes one.
public struct TokenCaller: Sendable {
    public let service: ServiceEntry
    public let certificate: Certificate
    /// When the first certificate of its chain expires.
    public let validUntil: Timestamp
    /// What its tokens are bound to.
    let confirmation: Confirmation

    init(service: ServiceEntry, certificate: Certificate, path: ValidatedPath) {
        self.service = service
        self.certificate = certificate
        validUntil = min(path.validUntil, certificate.notAfter)
        confirmation = Confirmation(
            certificateSHA256: certificate.sha256, publicKeySHA256: certificate.publicKey.sha256,
            holderSHA256: path.holderSHA256
        )
    }

    /// Who is denied gets no tokens, also before the configuration says so.
    func check(_ revocations: Revocations) throws(TokenRefusal) {
        if revocations.services.contains(service.id) {
            throw TokenRefusal(.serviceDenied, OAuthError(.invalidClient, "this service is denied"))
        }
        if revocations.deny(certificate) {
            throw TokenRefusal(.certificateDenied, OAuthError(.invalidClient, "this client certificate is denied"))
        }
    }
}
