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
}
