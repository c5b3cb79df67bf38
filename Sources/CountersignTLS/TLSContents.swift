internal import CountersignCrypto

/// The bytes of certificate and key behind ``TLSFiles`` at one moment.
final class TLSIdentityContents: Sendable {
    let certificate: [UInt8]
    let privateKey: SecretBytes
    let passphrase: SecretBytes?
    /// Changes when, and only when, any of the bytes do.
    let digest: SHA256Digest

    init(reading files: TLSFiles) throws(TLSError) {
        // All of them before any is stored: what cannot be copied cannot be given back half made.
        let certificate = try files.certificate.read()
        let privateKey = try files.privateKey.readSecret()
        let passphrase = try files.privateKeyPassphrase.map { source throws(TLSError) in try source.readSecret() }

        digest = SHA256Digest.joining([
            SHA256.digest(of: certificate),
            privateKey.withBytes { SHA256.digest(of: $0) },
            passphrase?.withBytes { SHA256.digest(of: $0) } ?? SHA256.digest(of: []),
        ])
        self.certificate = certificate
        self.privateKey = privateKey
        self.passphrase = passphrase
    }
}

/// The bytes of CA and revocation lists behind ``TLSFiles`` at one moment.
struct TLSTrustContents {
    let ca: [UInt8]
    let crl: [UInt8]?
    /// Changes when, and only when, any of the bytes do.
    let digest: SHA256Digest

    init(reading files: TLSFiles) throws(TLSError) {
        ca = try files.ca.read()
        crl = try files.crl?.read(maxBytes: PEMSource.maxRevocationListBytes)
        digest = SHA256Digest.joining([SHA256.digest(of: ca), SHA256.digest(of: crl ?? [])])
    }
}

extension SHA256Digest {
    /// Over digests of fixed length one after the other, so that no two different sets of bytes run together alike.
    static func joining(_ digests: [SHA256Digest]) -> SHA256Digest {
        SHA256.digest(of: digests.flatMap(\.bytes))
    }
}
