internal import COpenSSL
internal import Synchronization

/// Prepared RS256 contexts of one key, so that a signature costs its RSA operation and little else.
///
/// A context is set up once (algorithm, padding, digest) and then used again and again, by one task at a time. The lock
/// is held only to take one from the shelf and to put it back.
final class SignatureContextPool: Sendable {
    enum Use: Sendable { case sign, verify }

    private let key: KeyHandle
    private let use: Use
    private let idle = Mutex<[SignatureContext]>([])
    /// More than there are cores to run them on would only hold memory.
    private static let maxIdle = 64

    init(key: KeyHandle, use: Use) {
        self.key = key
        self.use = use
    }

    func sign(digest: SHA256Digest, byteCount: Int) throws(CryptoError) -> [UInt8] {
        let context = try take()
        var signature = [UInt8](repeating: 0, count: byteCount)
        var length = byteCount
        try OpenSSL.check("could not sign") {
            context.withPointer { context in
                unsafe digest.bytes.withUnsafeBufferPointer { input in
                    unsafe signature.withUnsafeMutableBufferPointer { output in
                        unsafe EVP_PKEY_sign(context, output.baseAddress, &length, input.baseAddress, input.count)
                    }
                }
            }
        }
        guard length == byteCount else { throw CryptoError(.operationFailed, "a signature of \(length) bytes") }
        giveBack(context)
        return signature
    }

    func verify(_ signature: [UInt8], digest: SHA256Digest) throws(CryptoError) -> Bool {
        let context = try take()
        OpenSSL.clear()
        let outcome = context.withPointer { context in
            unsafe signature.withUnsafeBufferPointer { signature in
                unsafe digest.bytes.withUnsafeBufferPointer { digest in
                    unsafe EVP_PKEY_verify(context, signature.baseAddress, signature.count, digest.baseAddress, digest.count)
                }
            }
        }
        // 1 matches, 0 does not. Below zero OpenSSL could not tell; a malformed signature ends there too, and the
        // context is not used again.
        if outcome < 0 { throw OpenSSL.failure(.operationFailed, "could not check a signature") }
        OpenSSL.clear()
        giveBack(context)
        return outcome == 1
    }

    private func take() throws(CryptoError) -> SignatureContext {
        if let context = idle.withLock({ $0.popLast() }) { return context }
        return try SignatureContext(key: key, use: use)
    }

    private func giveBack(_ context: SignatureContext) {
        idle.withLock { idle in
            if idle.count < Self.maxIdle { idle.append(context) }
        }
    }
}

/// One `EVP_PKEY_CTX`, prepared for RSASSA-PKCS1-v1_5 with SHA-256.
@safe
private final class SignatureContext: Sendable {
    // Used by one task at a time: the pool hands it to one caller and takes it back afterwards.
    private nonisolated(unsafe) let pointer: OpaquePointer

    private init(adopting pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    convenience init(key: KeyHandle, use: SignatureContextPool.Use) throws(CryptoError) {
        let pointer = try OpenSSL.make("out of memory") {
            key.withPointer { key in unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil) }
        }
        unsafe self.init(adopting: pointer)
        try OpenSSL.check("could not prepare RS256") {
            switch use {
            case .sign: unsafe EVP_PKEY_sign_init(pointer)
            case .verify: unsafe EVP_PKEY_verify_init(pointer)
            }
        }
        try OpenSSL.check("could not prepare RS256") { unsafe EVP_PKEY_CTX_set_rsa_padding(pointer, RSA_PKCS1_PADDING) }
        try OpenSSL.check("could not prepare RS256") {
            unsafe EVP_PKEY_CTX_set_signature_md(pointer, DigestAlgorithm.sha256.pointer)
        }
    }

    deinit {
        unsafe EVP_PKEY_CTX_free(pointer)
    }

    @safe
    func withPointer<R>(_ body: (OpaquePointer) -> R) -> R {
        defer { withExtendedLifetime(self) {} }
        return unsafe body(pointer)
    }
}
