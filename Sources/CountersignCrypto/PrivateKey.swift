internal import COpenSSL

/// The kinds of key a certificate is issued for.
public enum KeyKind: String, CaseIterable, Sendable {
    case ecP256 = "ec-p256"
    case rsa2048 = "rsa-2048"
    case rsa4096 = "rsa-4096"
}

/// The private key that belongs to a certificate, elliptic-curve or RSA.
public struct PrivateKey: Sendable {
    let handle: KeyHandle
    public let publicKey: PublicKey

    /// A new key; `.ecP256` costs microseconds, the RSA kinds 50 ms and more.
    public static func generate(_ kind: KeyKind) throws(CryptoError) -> PrivateKey {
        let pointer = try OpenSSL.make("could not generate a key") {
            switch kind {
            case .ecP256: unsafe countersign_ec_generate("P-256")
            case .rsa2048: unsafe countersign_rsa_generate(2048)
            case .rsa4096: unsafe countersign_rsa_generate(4096)
            }
        }
        return try unsafe PrivateKey(adopting: KeyHandle(adopting: pointer))
    }

    /// Reads PEM: PKCS#8, encrypted PKCS#8, or the older `RSA PRIVATE KEY` and `EC PRIVATE KEY`. Costs an RSA signature, or less:
    /// it is proved that the private part belongs to the public one.
    public init(pem: [UInt8], passphrase: [UInt8]? = nil) throws(CryptoError) {
        try self.init(adopting: PrivateKeyPEM.read(pem, passphrase: passphrase))
        try handle.requirePair()
    }

    private init(adopting handle: KeyHandle) throws(CryptoError) {
        self.handle = handle
        publicKey = PublicKey(subjectPublicKeyInfo: try handle.subjectPublicKeyInfo())
    }

    /// PKCS#8 PEM, not encrypted.
    public func pem() throws(CryptoError) -> SecretBytes {
        try PrivateKeyPEM.write(handle, passphrase: nil)
    }

    /// Whether this is the key that `certificate` certifies.
    public func matches(_ certificate: Certificate) -> Bool {
        publicKey == certificate.publicKey
    }
}

/// A certificate's public key, known by its encoding.
public struct PublicKey: Hashable, Sendable {
    /// DER SubjectPublicKeyInfo (RFC 5280 4.1.2.7).
    public let subjectPublicKeyInfo: [UInt8]
    /// SHA-256 over ``subjectPublicKeyInfo``: the usual "SPKI pin" (RFC 7469 2.4).
    public let sha256: SHA256Digest

    init(subjectPublicKeyInfo: [UInt8]) {
        self.subjectPublicKeyInfo = subjectPublicKeyInfo
        sha256 = SHA256.digest(of: subjectPublicKeyInfo)
    }
}
