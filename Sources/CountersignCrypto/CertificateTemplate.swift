internal import COpenSSL

/// What a certificate to be issued shall say. Signing is always with SHA-256; the serial number is 16 random bytes.
public struct CertificateTemplate: Sendable {
    /// What the certificate is for.
    public enum Role: Sendable, Hashable {
        /// May issue certificates, with at most `pathLength` authorities below it (`nil`: no limit).
        case authority(pathLength: Int?)
        /// A service: digital signature, with these uses.
        case service([PathValidator.Purpose])
    }

    public var subject: DistinguishedName
    public var subjectAlternativeNames: [SubjectAlternativeName]
    public var role: Role
    public var notBefore: Timestamp
    public var notAfter: Timestamp

    public init(
        subject: DistinguishedName,
        subjectAlternativeNames: [SubjectAlternativeName] = [],
        role: Role,
        notBefore: Timestamp,
        notAfter: Timestamp
    ) {
        self.subject = subject
        self.subjectAlternativeNames = subjectAlternativeNames
        self.role = role
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    /// A root: the certificate of `key`, signed by itself.
    public func selfSigned(with key: PrivateKey) throws(CryptoError) -> Certificate {
        try build(publicKey: key.publicKey, issuer: nil, issuerKey: key)
    }

    /// A certificate for `publicKey`, signed by an authority.
    ///
    /// - Throws: `CryptoError` with `key-mismatch` when `key` is not the issuer's, `malformed-name` for a name X.509 cannot carry.
    public func issued(for publicKey: PublicKey, by issuer: Certificate, key: PrivateKey) throws(CryptoError) -> Certificate {
        guard key.matches(issuer) else {
            throw CryptoError(.keyMismatch, "the private key does not belong to the authority \(issuer.subject)")
        }
        return try build(publicKey: publicKey, issuer: issuer, issuerKey: key)
    }

    private func build(publicKey: PublicKey, issuer: Certificate?, issuerKey: PrivateKey) throws(CryptoError) -> Certificate {
        let draft = try CertificateDraft.begin()
        try draft.setSubject(subject)
        try draft.setIssuer(issuer?.subject ?? subject)
        try draft.setSerialNumber(try SecureRandom.bytes(16))
        try draft.setValidity(from: notBefore, until: notAfter)
        try draft.setPublicKey(publicKey)
        switch role {
        case .authority(let pathLength):
            let limit = pathLength.map { ",pathlen:\($0)" } ?? ""
            try draft.add(NID_basic_constraints, "critical,CA:TRUE\(limit)", issuer: issuer)
            try draft.add(NID_key_usage, "critical,keyCertSign,cRLSign", issuer: issuer)
        case .service(let purposes):
            try draft.add(NID_basic_constraints, "critical,CA:FALSE", issuer: issuer)
            try draft.add(NID_key_usage, "critical,digitalSignature", issuer: issuer)
            let usages = purposes.map { $0 == .client ? "clientAuth" : "serverAuth" }.joined(separator: ",")
            if !usages.isEmpty { try draft.add(NID_ext_key_usage, usages, issuer: issuer) }
        }
        try draft.add(NID_subject_key_identifier, "hash", issuer: issuer)
        try draft.add(NID_authority_key_identifier, "keyid:always", issuer: issuer)
        if !subjectAlternativeNames.isEmpty { try draft.add(subjectAlternativeNames) }
        return try Certificate(der: try draft.signed(with: issuerKey))
    }
}
