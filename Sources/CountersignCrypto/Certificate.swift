internal import COpenSSL

/// An X.509 certificate, parsed once into exact values.
///
/// Parsing proves that the bytes are one well-formed certificate and nothing else; it proves nothing about who issued it.
/// That is ``PathValidator``'s work. Equality is equality of the DER bytes.
public struct Certificate: Sendable {
    public let der: [UInt8]
    public let subject: DistinguishedName
    public let issuer: DistinguishedName
    /// Big-endian magnitude.
    public let serialNumber: [UInt8]
    public let notBefore: Timestamp
    /// RFC 5280 4.1.2.5 lets this second itself count; OpenSSL does not, and neither do we.
    public let notAfter: Timestamp
    public let subjectAlternativeNames: [SubjectAlternativeName]
    /// The basic constraints say that it may issue certificates.
    public let isCertificateAuthority: Bool
    /// Dotted object identifiers; empty when the extension is absent, which means "any" (RFC 5280 4.2.1.12).
    public let extendedKeyUsages: [String]
    /// SHA-256 of ``der``: what `x5t#S256` carries (RFC 8705 3.1).
    public let sha256: SHA256Digest
    public let publicKey: PublicKey

    let handle: CertificateHandle

    /// What a certificate may weigh; larger ones are refused unread.
    public static let maxBytes = 64 * 1024

    /// - Throws: `CryptoError` with `malformed-certificate` or `malformed-name`.
    public init(der: [UInt8]) throws(CryptoError) {
        let pointer = try DER.decode(
            der,
            maxBytes: Self.maxBytes,
            .malformedCertificate,
            "the certificate",
            free: { unsafe X509_free($0) },
            { cursor, count in unsafe d2i_X509(nil, cursor, count) }
        )
        try unsafe self.init(CertificateHandle(adopting: pointer), der: der)
    }

    private init(_ handle: CertificateHandle, der: [UInt8]) throws(CryptoError) {
        // OpenSSL reads BER too. What surrounds the signed part has one spelling only; the signed part is what was signed.
        let canonical = try DER.encode("the certificate") { output in handle.withPointer { x509 in unsafe i2d_X509(x509, output) }
        }
        guard canonical == der else { throw CryptoError(.malformedCertificate, "the certificate is not in DER") }
        self.handle = handle
        self.der = der
        sha256 = SHA256.digest(of: der)
        let reader = CertificateReader(handle)
        subject = try reader.subject()
        issuer = try reader.issuer()
        serialNumber = try reader.serialNumber()
        (notBefore, notAfter) = try reader.validity()
        subjectAlternativeNames = try reader.alternativeNames()
        extendedKeyUsages = try reader.extendedKeyUsages()
        isCertificateAuthority = try reader.isCertificateAuthority()
        publicKey = PublicKey(subjectPublicKeyInfo: try reader.subjectPublicKeyInfo())
    }

    public var dnsNames: [String] {
        subjectAlternativeNames.compactMap { if case .dns(let name) = $0 { name } else { nil } }
    }

    public var uris: [String] {
        subjectAlternativeNames.compactMap { if case .uri(let uri) = $0 { uri } else { nil } }
    }

    /// The SPIFFE ID, where the certificate has one as its only URI (SPIFFE X509-SVID, section 2); `nil` otherwise.
    public var spiffeID: SPIFFEID? {
        let uris = uris
        return uris.count == 1 ? uris.first.flatMap { try? SPIFFEID($0) } : nil
    }
}

extension Certificate: Hashable {
    public static func == (left: Certificate, right: Certificate) -> Bool { left.der == right.der }

    public func hash(into hasher: inout Hasher) { hasher.combine(sha256) }
}
