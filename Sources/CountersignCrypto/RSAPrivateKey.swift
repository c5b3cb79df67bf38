internal import COpenSSL

/// An RSA private key fit for RS256: 2048 to 8192 bits, public exponent 65537.
///
/// The private numbers stay inside OpenSSL's key object; they leave only through ``pem(passphrase:)``.
public struct RSAPrivateKey: Sendable {
    public let publicKey: RSAPublicKey
    private let handle: KeyHandle
    private let signers: SignatureContextPool

    /// A new key. 2048 bits cost some 50 ms to make, 4096 a second: never on a request's path.
    public static func generate(bitCount: Int = 2048) throws(CryptoError) -> RSAPrivateKey {
        guard RSAPublicKey.bitCounts.contains(bitCount) else {
            throw CryptoError(.weakKey, "an RSA key of \(bitCount) bits; 2048 to 8192 are allowed")
        }
        let pointer = try OpenSSL.make("could not generate an RSA key") {
            unsafe countersign_rsa_generate(bitCount)
        }
        return try unsafe RSAPrivateKey(checking: KeyHandle(adopting: pointer))
    }

    /// Reads PEM: PKCS#8 `PRIVATE KEY`, `ENCRYPTED PRIVATE KEY`, or the older `RSA PRIVATE KEY`.
    ///
    /// Costs a signature, by which it is proved that the private numbers belong to the public ones, and for an encrypted key what
    /// it takes to derive the key from the passphrase, a fraction of a second.
    ///
    /// - Throws: `CryptoError` with `malformed-key`, `wrong-passphrase`, `unsupported-key` (not RSA) or `weak-key`.
    public init(pem: [UInt8], passphrase: [UInt8]? = nil) throws(CryptoError) {
        try self.init(checking: PrivateKeyPEM.read(pem, passphrase: passphrase))
        try handle.requirePair()
    }

    private init(checking handle: KeyHandle) throws(CryptoError) {
        publicKey = try RSAPublicKey(checking: handle)
        self.handle = handle
        signers = SignatureContextPool(key: handle, use: .sign)
    }

    /// PKCS#8 PEM, encrypted with AES-256-CBC under `passphrase` when one is given.
    ///
    /// - Throws: `CryptoError` with `wrong-passphrase` when it is empty, longer than 1000 bytes or holds a NUL.
    public func pem(passphrase: [UInt8]? = nil) throws(CryptoError) -> SecretBytes {
        try PrivateKeyPEM.write(handle, passphrase: passphrase)
    }

    /// The RS256 signature over `message` (RFC 7518 3.3): one RSA private operation; may be called from many tasks at once.
    public func signature(for message: [UInt8]) throws(CryptoError) -> [UInt8] {
        try signers.signature(for: message, byteCount: publicKey.modulus.count)
    }
}
