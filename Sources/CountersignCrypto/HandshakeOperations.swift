internal import COpenSSL

/// The public-key operations of the server's side of a TLS 1.3 handshake (RFC 8446 section 2), and nothing else of it: less than
/// this no server can do. To compare a server with.
package struct HandshakeOperations: Sendable {
    private let key: KeyHandle
    private let peerShare: KeyHandle
    private let digest: [UInt8]
    private let peerSignature: [UInt8]

    /// Makes the keys: P-256 for the certificates of both ends, X25519 for the agreement.
    package init() throws(CryptoError) {
        key = try PrivateKey.generate(.ecP256).handle
        peerShare = try Self.makeShare()
        digest = SHA256.digest(of: Array("CertificateVerify".utf8)).bytes
        peerSignature = try Self.signature(by: key, of: digest)
    }

    /// Of a full handshake: ``resumed()``, the own signature, and the verification of the client's. Verifying the client's chain
    /// is left out; a server can remember that.
    package func full() throws(CryptoError) {
        try resumed()
        _ = try Self.signature(by: key, of: digest)
        try verify()
    }

    /// Of a handshake that resumes a session: a fresh key, and the agreement with the client's.
    package func resumed() throws(CryptoError) {
        let share = try Self.makeShare()
        var secret = [UInt8](repeating: 0, count: 32)
        var count = secret.count
        try Self.using(share) { context throws(CryptoError) in
            try OpenSSL.check("could not prepare a key agreement") { unsafe EVP_PKEY_derive_init(context) }
            try OpenSSL.check("could not take the other share") {
                peerShare.withPointer { peer in unsafe EVP_PKEY_derive_set_peer(context, peer) }
            }
            try OpenSSL.check("could not agree on a key") {
                unsafe secret.withUnsafeMutableBufferPointer { unsafe EVP_PKEY_derive(context, $0.baseAddress, &count) }
            }
        }
    }

    private func verify() throws(CryptoError) {
        try Self.using(key) { context throws(CryptoError) in
            try OpenSSL.check("could not prepare a verification") { unsafe EVP_PKEY_verify_init(context) }
            try OpenSSL.check("the signature does not match") {
                unsafe peerSignature.withUnsafeBufferPointer { signature in
                    unsafe digest.withUnsafeBufferPointer { digest in
                        unsafe EVP_PKEY_verify(context, signature.baseAddress, signature.count, digest.baseAddress, digest.count)
                    }
                }
            }
        }
    }

    private static func signature(by key: KeyHandle, of digest: [UInt8]) throws(CryptoError) -> [UInt8] {
        // The longest that P-256 has, in DER.
        var signature = [UInt8](repeating: 0, count: 72)
        var count = signature.count
        try using(key) { context throws(CryptoError) in
            try OpenSSL.check("could not prepare a signature") { unsafe EVP_PKEY_sign_init(context) }
            try OpenSSL.check("could not sign") {
                unsafe signature.withUnsafeMutableBufferPointer { output in
                    unsafe digest.withUnsafeBufferPointer { digest in
                        unsafe EVP_PKEY_sign(context, output.baseAddress, &count, digest.baseAddress, digest.count)
                    }
                }
            }
        }
        return Array(signature.prefix(count))
    }

    private static func makeShare() throws(CryptoError) -> KeyHandle {
        let context = try OpenSSL.make("out of memory") { unsafe EVP_PKEY_CTX_new_from_name(nil, "X25519", nil) }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        try OpenSSL.check("could not prepare a key") { unsafe EVP_PKEY_keygen_init(context) }
        var key: OpaquePointer?
        try OpenSSL.check("could not make a key") { unsafe EVP_PKEY_generate(context, &key) }
        guard let key = unsafe key else { throw CryptoError(.operationFailed, "could not make a key") }
        return unsafe KeyHandle(adopting: key)
    }

    @safe
    private static func using(
        _ key: KeyHandle, _ body: (OpaquePointer) throws(CryptoError) -> Void
    ) throws(CryptoError) {
        let context = try OpenSSL.make("out of memory") {
            key.withPointer { key in unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil) }
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        try unsafe body(context)
    }
}
