internal import CountersignJSON

/// Which certificates may call, and which service each of them is. A policy without rules admits nobody.
///
/// ```swift
/// let policy = CallerPolicy(
///     rules: [
///         .spiffeID(try SPIFFEID("spiffe://link.internal/service/user-svc")),
///         .subject(try DistinguishedName(rfc4514: "CN=billing.link.internal,O=Link Service"), service: "billing"),
///     ]
/// )
/// ```
public struct CallerPolicy: Sendable {
    private let rules: [CallerRule]
    private let requiredSubjectFields: [DistinguishedName.AttributeType]

    /// - Parameters:
    ///   - rules: a certificate is allowed when at least one matches; all that match must agree on the service.
    ///   - requiredSubjectFields: subject fields every certificate must have, with a value.
    public init(
        rules: [CallerRule],
        requiredSubjectFields: [DistinguishedName.AttributeType] = [.commonName, .organization]
    ) {
        self.rules = rules
        self.requiredSubjectFields = requiredSubjectFields
    }

    /// A certificate that may call, and the service that it is.
    struct Caller: Sendable {
        let identity: CertificateIdentity
        let service: String
    }

    /// Step 3.
    ///
    /// - Throws: ``Refusal`` with `subject-incomplete`, `subject-not-allowed` or `certificate-ambiguous`.
    func caller(_ certificate: Certificate) throws(Refusal) -> Caller {
        let identity: CertificateIdentity
        do throws(CertificateIdentity.Refusal) {
            identity = try CertificateIdentity(certificate)
        } catch {
            throw Refusal(Reason(error.code), error.message)
        }
        return Caller(identity: identity, service: try service(of: identity))
    }

    /// One pass over the rules; names are compared as parsed.
    private func service(of identity: CertificateIdentity) throws(Refusal) -> String {
        do {
            try identity.requireSubjectFields(requiredSubjectFields)
        } catch {
            throw Refusal(Reason(error.code), error.message)
        }
        var found: String?
        for rule in rules where rule.matches(identity) {
            let service = if let explicit = rule.service { explicit } else { try ServiceName.named(by: identity) }
            if let found, !found.hasSameUTF8(as: service) {
                throw Refusal(.certificateAmbiguous, "the rules name the certificate's service both \(found) and \(service)")
            }
            found = service
        }
        guard let found else {
            throw Refusal(.subjectNotAllowed, "no rule admits \(identity.subject)")
        }
        return found
    }
}

/// One rule of a ``CallerPolicy``.
public struct CallerRule: Sendable {
    private enum Match: Sendable {
        case criteria(CallerCriteria)
        case trustDomain(String)
        case anyTrustedCertificate
    }

    private let match: Match
    /// The service a matching certificate is; `nil`: the one that it names itself.
    let service: String?

    /// The whole subject.
    public static func subject(_ subject: DistinguishedName, service: String? = nil) -> CallerRule {
        CallerRule(criteria: CallerCriteria(subject: subject), service: service)
    }

    /// The SPIFFE ID.
    public static func spiffeID(_ id: SPIFFEID, service: String? = nil) -> CallerRule {
        CallerRule(criteria: CallerCriteria(spiffeID: id), service: service)
    }

    /// One of the DNS names; a text that is no host name matches nobody.
    public static func dnsName(_ name: String, service: String? = nil) -> CallerRule {
        CallerRule(criteria: CallerCriteria(dnsName: name), service: service)
    }

    /// Several criteria that must all match.
    public static func criteria(_ criteria: CallerCriteria, service: String? = nil) -> CallerRule {
        CallerRule(criteria: criteria, service: service)
    }

    /// Every certificate with a SPIFFE ID `spiffe://DOMAIN/service/NAME`; the service is NAME.
    public static func trustDomain(_ domain: String) -> CallerRule {
        CallerRule(match: .trustDomain(domain), service: nil)
    }

    /// Every certificate the authorities vouch for; the service is the one that the certificate names.
    ///
    /// Say this only where the authority issues to services and to nobody else.
    public static let anyTrustedCertificate = CallerRule(match: .anyTrustedCertificate, service: nil)

    private init(criteria: CallerCriteria?, service: String?) {
        // No criteria is a trust domain that no certificate can have: nobody.
        match = criteria.map(Match.criteria) ?? .trustDomain("")
        self.service = service
    }

    private init(match: Match, service: String?) {
        self.match = match
        self.service = service
    }

    func matches(_ identity: CertificateIdentity) -> Bool {
        switch match {
        case .criteria(let criteria): criteria.matches(identity)
        case .trustDomain(let domain): ServiceName.isService(identity.spiffeID, of: domain)
        case .anyTrustedCertificate: true
        }
    }
}
