import CountersignCrypto

/// A certificate authority in memory, made once for all tests of this target.
struct TestPKI {
    static let now = Timestamp(secondsSince1970: 1_800_000_000)
    static let shared = Result { try TestPKI() }

    let certificate: Certificate
    let key: PrivateKey
    /// The key of every certificate made here.
    let serviceKey: PrivateKey
    private let now: Timestamp

    init(name: String = "Test CA", now: Timestamp = Self.now) throws {
        self.now = now
        key = try PrivateKey.generate(.ecP256)
        serviceKey = try PrivateKey.generate(.ecP256)
        certificate = try CertificateTemplate(
            subject: DistinguishedName([(.organization, "Link Service"), (.commonName, name)]),
            role: .authority(pathLength: nil),
            notBefore: now.adding(seconds: -86_400),
            notAfter: now.adding(seconds: 86_400)
        ).selfSigned(with: key)
    }

    /// A certificate for clients; valid for an hour on either side of the time this was made for, unless told otherwise.
    func certificate(
        _ subject: DistinguishedName,
        _ names: [SubjectAlternativeName] = [],
        purposes: [PathValidator.Purpose] = [.client],
        until notAfter: Timestamp? = nil
    ) throws -> Certificate {
        try CertificateTemplate(
            subject: subject, subjectAlternativeNames: names, role: .service(purposes), notBefore: now.adding(seconds: -3600),
            notAfter: notAfter ?? now.adding(seconds: 3600)
        ).issued(for: serviceKey.publicKey, by: certificate, key: key)
    }

    /// A list of this authority, fresh for an hour.
    func revocationList(_ revoked: [Certificate], number: Int64) throws -> CertificateRevocationList {
        try CertificateRevocationList.issue(
            revoked: revoked.map { .init(serialNumber: $0.serialNumber, revokedAt: now) }, number: number,
            thisUpdate: now.adding(seconds: -60), nextUpdate: now.adding(seconds: 3600), by: certificate, key: key
        )
    }

    func validator(revocationLists: [CertificateRevocationList]? = nil) throws -> PathValidator {
        try PathValidator(anchors: [certificate], revocationLists: revocationLists)
    }
}

/// A subject as services have it.
func subject(_ commonName: String, organization: String = "Link Service") -> DistinguishedName {
    DistinguishedName([(.organization, organization), (.commonName, commonName)])
}
