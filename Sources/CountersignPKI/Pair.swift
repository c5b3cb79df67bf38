internal import CountersignCrypto

/// A new certificate and its key.
struct Pair: Sendable {
    let certificate: Certificate
    let key: PrivateKey

    static func root(_ template: CertificateTemplate, _ kind: KeyKind) throws(CryptoError) -> Pair {
        let key = try PrivateKey.generate(kind)
        return Pair(certificate: try template.selfSigned(with: key), key: key)
    }

    func issue(_ template: CertificateTemplate, _ kind: KeyKind) throws(CryptoError) -> Pair {
        let key = try PrivateKey.generate(kind)
        return Pair(certificate: try template.issued(for: key.publicKey, by: certificate, key: self.key), key: key)
    }

    func keyPEM() throws(PKIError) -> [UInt8] {
        try PKIError.issuing { () throws(CryptoError) in try key.pem().withBytes { $0 } }
    }
}
