internal import COpenSSL

/// Owns one `EVP_PKEY`.
@safe
final class KeyHandle: Sendable {
    // Not changed after it is adopted; OpenSSL counts references atomically and locks its own caches.
    private nonisolated(unsafe) let pointer: OpaquePointer

    init(adopting pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe EVP_PKEY_free(pointer)
    }

    /// Lends the pointer for the duration of `body`.
    @safe
    func withPointer<R: ~Copyable, E: Error>(_ body: (OpaquePointer) throws(E) -> R) throws(E) -> R {
        defer { withExtendedLifetime(self) {} }
        return try unsafe body(pointer)
    }

    var isRSA: Bool { withPointer { key in unsafe EVP_PKEY_is_a(key, "RSA") == 1 } }

    var bitCount: Int { withPointer { key in Int(unsafe EVP_PKEY_get_bits(key)) } }

    /// A number of an RSA key, `n` or `e`, as big-endian bytes without leading zeroes.
    func number(_ name: String) throws(CryptoError) -> [UInt8] {
        var number: OpaquePointer?
        defer { unsafe BN_free(number) }
        try OpenSSL.check(.unsupportedKey, "the key has no RSA parameter \(name)") {
            withPointer { key in unsafe EVP_PKEY_get_bn_param(key, name, &number) }
        }
        let byteCount = (Int(unsafe BN_num_bits(number)) + 7) / 8
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let written = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            unsafe BN_bn2bin(number, buffer.baseAddress)
        }
        guard Int(written) == byteCount else { throw CryptoError(.operationFailed, "could not read RSA parameter \(name)") }
        return bytes
    }

    /// The public half as DER SubjectPublicKeyInfo (RFC 5280 4.1.2.7).
    func subjectPublicKeyInfo() throws(CryptoError) -> [UInt8] {
        try DER.encode("the public key") { output in withPointer { key in unsafe i2d_PUBKEY(key, output) } }
    }
}
