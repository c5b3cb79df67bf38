public import CountersignCrypto

/// A throw-away certificate authority in memory: the same issuing code as the real one, fresh keys every time.
///
/// ```swift
/// let authority = try TestAuthority()
/// let caller = try authority.issue("user-svc")
/// let validator = try PathValidator(anchors: [authority.certificate], revocationLists: [try authority.revocationList()])
/// let path = try validator.validate(caller.certificate, intermediates: [], purpose: .client, at: TestClock.now).get()
/// ```
///
/// Two authorities with the same name are two authorities: that is how a test plays the impostor.
public struct TestAuthority: Sendable {
    public let certificate: Certificate
    public let key: PrivateKey
    /// What a service of this authority sends after its own certificate: empty under a root.
    public let intermediates: [Certificate]
    /// Ends the names of the services and stands in their SPIFFE IDs.
    public let trustDomain: String
    public let organization: String
    /// The moment everything is valid around.
    public let now: Timestamp

    /// A self-signed root, valid from an hour before `now` until a day after it.
    ///
    /// - Parameter now: ``TestClock/now``, or the wall clock for a test that goes over a real connection.
    public init(
        _ name: String = "Test CA",
        organization: String = "Link Service",
        trustDomain: String = "link.internal",
        keyKind: KeyKind = .ecP256,
        at now: Timestamp = TestClock.now
    ) throws {
        let key = try PrivateKey.generate(keyKind)
        let certificate = try CertificateTemplate(
            subject: DistinguishedName([(.organization, organization), (.commonName, name)]),
            subjectAlternativeNames: [.uri("spiffe://\(trustDomain)")],
            role: .authority(pathLength: nil),
            notBefore: now.adding(seconds: -3600),
            notAfter: now.adding(seconds: 86_400)
        ).selfSigned(with: key)
        self.init(
            certificate: certificate, key: key, intermediates: [], trustDomain: trustDomain, organization: organization, now: now
        )
    }

    private init(
        certificate: Certificate,
        key: PrivateKey,
        intermediates: [Certificate],
        trustDomain: String,
        organization: String,
        now: Timestamp
    ) {
        self.certificate = certificate
        self.key = key
        self.intermediates = intermediates
        self.trustDomain = trustDomain
        self.organization = organization
        self.now = now
    }

    /// An authority below this one.
    ///
    /// - Parameter pathLength: how many more authorities may stand below it; `nil` for no limit.
    public func intermediate(
        _ name: String = "Test Intermediate CA",
        pathLength: Int? = 0,
        keyKind: KeyKind = .ecP256
    ) throws -> TestAuthority {
        let identity = try issue(
            name,
            subject: DistinguishedName([(.organization, organization), (.commonName, name)]),
            names: [],
            role: .authority(pathLength: pathLength),
            keyKind: keyKind
        )
        return TestAuthority(
            certificate: identity.certificate,
            key: identity.key,
            intermediates: [identity.certificate] + intermediates,
            trustDomain: trustDomain,
            organization: organization,
            now: now
        )
    }

    /// A certificate and its key, valid from ten minutes before ``now`` until an hour after it.
    ///
    /// - Parameters:
    ///   - service: `user-svc` becomes `CN=user-svc.link.internal,O=Link Service`, `spiffe://link.internal/service/user-svc`,
    ///     the DNS name and the addresses of this machine itself.
    ///   - subject: instead of that subject.
    ///   - names: instead of those alternative names.
    ///   - from: seconds from ``now`` at which it begins.
    ///   - until: seconds from ``now`` at which it ends.
    ///   - key: instead of a new key of `keyKind`.
    public func issue(
        _ service: String,
        subject: DistinguishedName? = nil,
        names: [SubjectAlternativeName]? = nil,
        role: CertificateTemplate.Role = .service([.client, .server]),
        from: Int64 = -600,
        until: Int64 = 3600,
        keyKind: KeyKind = .ecP256,
        key: PrivateKey? = nil
    ) throws -> TestIdentity {
        let key = try key ?? PrivateKey.generate(keyKind)
        let certificate = try CertificateTemplate(
            subject: subject
                ?? DistinguishedName([(.organization, organization), (.commonName, "\(service).\(trustDomain)")]),
            subjectAlternativeNames: names ?? [
                .dns("\(service).\(trustDomain)"),
                .uri("spiffe://\(trustDomain)/service/\(service)"),
                .ip([127, 0, 0, 1]),
                .ip([UInt8](repeating: 0, count: 15) + [1]),
            ],
            role: role,
            notBefore: now.adding(seconds: from),
            notAfter: now.adding(seconds: until)
        ).issued(for: key.publicKey, by: self.certificate, key: self.key)
        return TestIdentity(
            certificate: certificate, intermediates: intermediates, key: key, authorityKey: self.certificate.publicKey.sha256
        )
    }

    /// This authority's revocation list. The path to a service below an intermediate needs one from every authority in it.
    ///
    /// - Parameters:
    ///   - from: seconds from ``now`` at which it begins to hold.
    ///   - until: seconds from ``now`` at which the next list is due.
    public func revocationList(
        revoking certificates: [Certificate] = [],
        number: Int64 = 1,
        from: Int64 = -300,
        until: Int64 = 3600
    ) throws -> CertificateRevocationList {
        try .issue(
            revoked: certificates.map { .init(serialNumber: $0.serialNumber, revokedAt: now.adding(seconds: -60)) },
            number: number,
            thisUpdate: now.adding(seconds: from),
            nextUpdate: now.adding(seconds: until),
            by: certificate,
            key: key
        )
    }
}
