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

    func signature(for message: [UInt8], byteCount: Int) throws(CryptoError) -> [UInt8] {
        let context = try take()
        let signature = try context.sign(message, byteCount: byteCount)
        giveBack(context)
        return signature
    }

    func isValid(_ signature: [UInt8], for message: [UInt8]) throws(CryptoError) -> Bool {
        let context = try take()
        let isValid = try context.verify(signature, for: message)
        giveBack(context)
        return isValid
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

/// One `EVP_PKEY_CTX`, prepared for RSASSA-PKCS1-v1_5 with SHA-256, and the digest context that goes before it.
///
/// After an error neither is used again: the pool gets back only what worked.
@safe
private final class SignatureContext: Sendable {
    // Used by one task at a time: the pool hands it to one caller and takes it back afterwards.
    private nonisolated(unsafe) let key: OpaquePointer
    private nonisolated(unsafe) let hash: OpaquePointer

    private init(adopting key: OpaquePointer, _ hash: OpaquePointer) {
        unsafe self.key = key
        unsafe self.hash = hash
    }

    convenience init(key: KeyHandle, use: SignatureContextPool.Use) throws(CryptoError) {
        let hash = try OpenSSL.make("out of memory") { unsafe EVP_MD_CTX_new() }
        let context: OpaquePointer
        do {
            unsafe context = try OpenSSL.make("out of memory") {
                key.withPointer { key in unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil) }
            }
        } catch {
            unsafe EVP_MD_CTX_free(hash)
            throw error
        }
        unsafe self.init(adopting: context, hash)
        try OpenSSL.check("could not prepare RS256") {
            switch use {
            case .sign: unsafe EVP_PKEY_sign_init(context)
            case .verify: unsafe EVP_PKEY_verify_init(context)
            }
        }
        try OpenSSL.check("could not prepare RS256") { unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) }
        try OpenSSL.check("could not prepare RS256") {
            unsafe EVP_PKEY_CTX_set_signature_md(context, DigestAlgorithm.sha256.pointer)
        }
    }

    deinit {
        unsafe EVP_PKEY_CTX_free(key)
        unsafe EVP_MD_CTX_free(hash)
    }

    func sign(_ message: [UInt8], byteCount: Int) throws(CryptoError) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: byteCount)
        var length = byteCount
        try unsafe withDigest(of: message) { digest throws(CryptoError) in
            try OpenSSL.check("could not sign") {
                unsafe signature.withUnsafeMutableBufferPointer { output in
                    unsafe EVP_PKEY_sign(key, output.baseAddress, &length, digest.baseAddress, digest.count)
                }
            }
        }
        guard length == byteCount else { throw CryptoError(.operationFailed, "a signature of \(length) bytes") }
        return signature
    }

    func verify(_ signature: [UInt8], for message: [UInt8]) throws(CryptoError) -> Bool {
        try unsafe withDigest(of: message) { digest throws(CryptoError) in
            // The queue was emptied before the digest.
            let outcome = unsafe signature.withUnsafeBufferPointer { signature in
                unsafe EVP_PKEY_verify(key, signature.baseAddress, signature.count, digest.baseAddress, digest.count)
            }
            // 1 matches, 0 does not. Below zero OpenSSL could not tell; a malformed signature ends there too.
            if outcome < 0 { throw OpenSSL.failure(.operationFailed, "could not check a signature") }
            if outcome == 0 { OpenSSL.clear() }
            return outcome == 1
        }
    }

    private func withDigest<R>(
        of message: [UInt8],
        _ body: (UnsafeBufferPointer<UInt8>) throws(CryptoError) -> R
    ) throws(CryptoError) -> R {
        try unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: SHA256Digest.byteCount) { digest throws(CryptoError) in
            try OpenSSL.check("could not compute SHA-256") {
                // The same algorithm as before keeps what the context holds.
                guard unsafe EVP_DigestInit_ex2(hash, DigestAlgorithm.sha256.pointer, nil) == 1,
                    unsafe message.withUnsafeBytes({ unsafe EVP_DigestUpdate(hash, $0.baseAddress, $0.count) }) == 1
                else { return 0 }
                return unsafe EVP_DigestFinal_ex(hash, digest.baseAddress, nil)
            }
            return try unsafe body(UnsafeBufferPointer(digest))
        }
    }
}
