public import CountersignCrypto

/// A service at the other end of the connection: its certificate is good now and resolves to exactly one service.
///
/// Only ``TokenIssuer/caller(with:standing:)`` makes one.
public struct TokenCaller: Sendable {
    public let service: ServiceEntry
    public let certificate: Certificate
    /// When the first certificate of its chain expires.
    public let validUntil: Timestamp

    init(service: ServiceEntry, certificate: Certificate, validUntil: Timestamp) {
        self.service = service
        self.certificate = certificate
        self.validUntil = validUntil
    }
}
