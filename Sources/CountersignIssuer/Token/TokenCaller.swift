public import CountersignCrypto

/// A service at the other end of the connection: its certificate is good now and resolves to exactly one service.
///
/// Only ``TokenIssuer`` makes one.
public struct TokenCaller: Sendable {
    public let service: ServiceEntry
    public let certificate: Certificate
    /// When the first certificate of its chain expires.
    public let validUntil: Timestamp
    /// The public key of the authority that signed its certificate.
    let authorityKey: SHA256Digest

    init(service: ServiceEntry, certificate: Certificate, path: ValidatedPath) {
        self.service = service
        self.certificate = certificate
        validUntil = min(path.validUntil, certificate.notAfter)
        authorityKey = path.authorityKeySHA256
    }
}
