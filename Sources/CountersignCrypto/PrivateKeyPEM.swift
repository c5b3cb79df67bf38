internal import COpenSSL

/// Private keys to and from PEM. Never asks on the terminal: a missing passphrase is an error.
enum PrivateKeyPEM {
    static func read(_ pem: [UInt8], passphrase: [UInt8]?) throws(CryptoError) -> KeyHandle {
        // Looked for in place: a copy of the key would have to be wiped.
        let encrypted = pem.indices.contains { pem[$0...].starts(with: "ENCRYPTED".utf8) }
        if encrypted, passphrase == nil {
            throw CryptoError(.wrongPassphrase, "the private key is encrypted and no passphrase was given")
        }
        // A NUL-terminated passphrase as user data is what the default callback uses instead of asking.
        let secret = try Passphrase(passphrase ?? [])
        return try MemoryBIO.reading(pem) { bio throws(CryptoError) in
            let pointer = try OpenSSL.make(
                encrypted ? .wrongPassphrase : .malformedKey,
                encrypted ? "the private key does not open with this passphrase" : "not a PEM private key"
            ) {
                secret.withPointer { text in unsafe PEM_read_bio_PrivateKey(bio, nil, nil, text) }
            }
            return unsafe KeyHandle(adopting: pointer)
        }
    }

    static func write(_ key: KeyHandle, passphrase: [UInt8]?) throws(CryptoError) -> SecretBytes {
        if let passphrase, passphrase.isEmpty {
            throw CryptoError(.wrongPassphrase, "an empty passphrase protects nothing")
        }
        let bio = try MemoryBIO()
        guard let passphrase else {
            try OpenSSL.check("could not write the private key") {
                bio.withPointer { bio in
                    key.withPointer { key in unsafe PEM_write_bio_PKCS8PrivateKey(bio, key, nil, nil, 0, nil, nil) }
                }
            }
            return SecretBytes(bio.bytes())
        }
        let secret = try Passphrase(passphrase)
        let plain = try OpenSSL.make("could not write the private key") {
            key.withPointer { key in unsafe EVP_PKEY2PKCS8(key) }
        }
        defer { unsafe PKCS8_PRIV_KEY_INFO_free(plain) }
        let encrypted = try OpenSSL.make("could not encrypt the private key") {
            secret.withPointer { text in
                // -1 stands for PBES2 with PBKDF2 over HMAC-SHA-256.
                unsafe PKCS8_encrypt(
                    -1, EVP_aes_256_cbc(), text?.assumingMemoryBound(to: CChar.self),
                    Int32(truncatingIfNeeded: passphrase.count), nil, 0, iterations, plain
                )
            }
        }
        defer { unsafe X509_SIG_free(encrypted) }
        try OpenSSL.check("could not write the private key") {
            bio.withPointer { bio in unsafe PEM_write_bio_PKCS8(bio, encrypted) }
        }
        return SecretBytes(bio.bytes())
    }

    /// Rounds of PBKDF2 with HMAC-SHA-256, as OWASP asks for; OpenSSL's own default is 2048. A third of a second, once per key that
    /// is read or written.
    static let iterations: Int32 = 600_000

    /// A passphrase as C wants it, wiped afterwards.
    private struct Passphrase: ~Copyable {
        private let terminated: SecretBytes

        init(_ bytes: [UInt8]) throws(CryptoError) {
            guard !bytes.contains(0), bytes.count <= 1000 else {
                throw CryptoError(.wrongPassphrase, "a passphrase must be at most 1000 bytes without NUL")
            }
            terminated = SecretBytes(bytes + [0])
        }

        @safe
        borrowing func withPointer<R>(_ body: (UnsafeMutableRawPointer?) -> R) -> R {
            terminated.withBytes { bytes in
                unsafe bytes.withUnsafeBytes { buffer in
                    // OpenSSL only reads it; its callback type has no const.
                    unsafe body(UnsafeMutableRawPointer(mutating: buffer.baseAddress))
                }
            }
        }
    }
}
