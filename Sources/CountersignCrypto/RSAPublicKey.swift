internal import COpenSSL

/// An RSA public key fit for RS256: 2048 to 8192 bits, public exponent 65537 (RFC 7518 3.3, RFC 8725 3.5).
///
/// A value of this type has passed those checks; a weaker key cannot be made into one. The algorithm is part of the type:
/// it verifies RSASSA-PKCS1-v1_5 with SHA-256 and nothing else, whatever a token's header says.
public struct RSAPublicKey: Sendable {
    /// Big-endian, without leading zeroes.
    public var modulus: [UInt8] { storage.modulus }
    /// Big-endian, without leading zeroes; always 65537.
    public var exponent: [UInt8] { storage.exponent }

    private let storage: Storage

    /// One object, so that a copy of the key costs one reference.
    private final class Storage: Sendable {
        let modulus: [UInt8]
        let exponent: [UInt8]
        let handle: KeyHandle
        let verifiers: SignatureContextPool

        init(modulus: [UInt8], exponent: [UInt8], handle: KeyHandle) {
            self.modulus = modulus
            self.exponent = exponent
            self.handle = handle
            verifiers = SignatureContextPool(key: handle, use: .verify)
        }
    }

    public static let bitCounts = 2048...8192
    static let requiredExponent: [UInt8] = [1, 0, 1]

    /// A key from its two numbers, as a JWK carries them.
    ///
    /// - Throws: `CryptoError` with `weak-key` outside the allowed sizes or with another exponent; `malformed-key` for a
    ///   leading zero byte or an even modulus.
    public init(modulus: [UInt8], exponent: [UInt8]) throws(CryptoError) {
        try Self.check(modulus: modulus, exponent: exponent)
        let builder = try OpenSSL.make("out of memory") { unsafe OSSL_PARAM_BLD_new() }
        defer { unsafe OSSL_PARAM_BLD_free(builder) }
        let n = try unsafe Self.bigNumber(modulus)
        defer { unsafe BN_free(n) }
        let e = try unsafe Self.bigNumber(exponent)
        defer { unsafe BN_free(e) }
        try OpenSSL.check("could not describe the key") { unsafe countersign_push_modulus(builder, n) }
        try OpenSSL.check("could not describe the key") { unsafe countersign_push_exponent(builder, e) }
        let parameters = try OpenSSL.make("out of memory") { unsafe OSSL_PARAM_BLD_to_param(builder) }
        defer { unsafe OSSL_PARAM_free(parameters) }
        let context = try OpenSSL.make("RSA is not available") { unsafe EVP_PKEY_CTX_new_from_name(nil, "RSA", nil) }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        try OpenSSL.check("could not begin to read the key") { unsafe EVP_PKEY_fromdata_init(context) }
        var pointer: OpaquePointer?
        try OpenSSL.check(.malformedKey, "not an RSA public key") {
            unsafe EVP_PKEY_fromdata(context, &pointer, countersign_public_key_selection(), parameters)
        }
        guard let pointer = unsafe pointer else { throw CryptoError(.malformedKey, "not an RSA public key") }
        try unsafe self.init(checking: KeyHandle(adopting: pointer))
    }

    /// A key from PEM `PUBLIC KEY` (SubjectPublicKeyInfo).
    public init(pem: [UInt8]) throws(CryptoError) {
        let handle = try MemoryBIO.reading(pem) { bio throws(CryptoError) in
            unsafe KeyHandle(
                adopting: try OpenSSL.make(.malformedKey, "not a PEM public key") {
                    unsafe PEM_read_bio_PUBKEY(bio, nil, nil, nil)
                }
            )
        }
        try self.init(checking: handle)
    }

    /// Adopts a key of any kind and proves that it may be used.
    init(checking handle: KeyHandle) throws(CryptoError) {
        guard handle.isRSA else { throw CryptoError(.unsupportedKey, "not an RSA key") }
        let modulus = try handle.number(OSSL_PKEY_PARAM_RSA_N)
        let exponent = try handle.number(OSSL_PKEY_PARAM_RSA_E)
        try Self.check(modulus: modulus, exponent: exponent)
        storage = Storage(modulus: modulus, exponent: exponent, handle: handle)
    }

    public var bitCount: Int { modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0) }

    /// DER SubjectPublicKeyInfo.
    public func subjectPublicKeyInfo() throws(CryptoError) -> [UInt8] {
        try storage.handle.subjectPublicKeyInfo()
    }

    /// PEM `PUBLIC KEY`.
    public func pem() throws(CryptoError) -> String {
        let bio = try MemoryBIO()
        try OpenSSL.check("could not write the public key") {
            bio.withPointer { bio in storage.handle.withPointer { key in unsafe PEM_write_bio_PUBKEY(bio, key) } }
        }
        return String(decoding: bio.bytes(), as: UTF8.self)
    }

    /// Whether `signature` is this key's RS256 signature over `message` (RFC 7518 3.3).
    ///
    /// `false` means that it is not; an error means that it could not be checked. Both must be treated as "no".
    /// Costs one RSA public operation; may be called from many tasks at once.
    public func isValidSignature(_ signature: [UInt8], for message: [UInt8]) throws(CryptoError) -> Bool {
        // The encoded length is fixed by the modulus (RFC 8017 8.2.2 step 1); OpenSSL checks it too.
        guard signature.count == storage.modulus.count else { return false }
        return try storage.verifiers.isValid(signature, for: message)
    }

    private static func check(modulus: [UInt8], exponent: [UInt8]) throws(CryptoError) {
        guard let first = modulus.first, first != 0, let last = modulus.last, last & 1 == 1 else {
            throw CryptoError(.malformedKey, "the modulus must be odd and must not start with a zero byte")
        }
        let bits = modulus.count * 8 - first.leadingZeroBitCount
        guard bitCounts.contains(bits) else {
            throw CryptoError(.weakKey, "an RSA key of \(bits) bits; 2048 to 8192 are allowed")
        }
        guard exponent == requiredExponent else {
            throw CryptoError(.weakKey, "an RSA key with a public exponent other than 65537")
        }
    }

    private static func bigNumber(_ bytes: [UInt8]) throws(CryptoError) -> OpaquePointer {
        try OpenSSL.make("out of memory") {
            unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe BN_bin2bn(buffer.baseAddress, Int32(truncatingIfNeeded: buffer.count), nil)
            }
        }
    }
}

extension RSAPublicKey: Hashable {
    public static func == (left: RSAPublicKey, right: RSAPublicKey) -> Bool { left.modulus == right.modulus }

    public func hash(into hasher: inout Hasher) { hasher.combine(modulus) }
}
