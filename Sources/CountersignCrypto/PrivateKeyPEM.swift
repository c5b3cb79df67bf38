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
        let secret = try Passphrase(passphrase ?? [])
        try OpenSSL.check("could not write the private key") {
            bio.withPointer { bio in
                key.withPointer { key in
                    secret.withPointer { text in
                        unsafe PEM_write_bio_PKCS8PrivateKey(
                            bio,
                            key,
                            passphrase == nil ? nil : EVP_aes_256_cbc(),
                            nil,
                            0,
                            nil,
                            text
                        )
                    }
                }
            }
        }
        return SecretBytes(bio.bytes())
    }

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
