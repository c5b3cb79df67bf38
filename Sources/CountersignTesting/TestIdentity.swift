public import CountersignCrypto

/// What a service holds: its certificate, the chain it sends with it, and its key.
public struct TestIdentity: Sendable {
    public let certificate: Certificate
    /// Without the root; empty when the root issued the certificate.
    public let intermediates: [Certificate]
    public let key: PrivateKey
    /// Of the authority that signed the certificate, when it is known.
    public let authorityKey: SHA256Digest?

    public init(
        certificate: Certificate, intermediates: [Certificate], key: PrivateKey, authorityKey: SHA256Digest? = nil
    ) {
        self.certificate = certificate
        self.intermediates = intermediates
        self.key = key
        self.authorityKey = authorityKey
    }

    /// The certificate, then the intermediates.
    public var chainPEM: String { certificate.pem + intermediates.map(\.pem).joined() }

    /// PKCS#8, not encrypted.
    public func keyPEM() throws(CryptoError) -> [UInt8] {
        try key.pem().withBytes { $0 }
    }

    /// The service as the other end of a connection sees it after a handshake.
    public var peer: Peer { Peer(provedPossessionOf: certificate, intermediates: intermediates) }
}
