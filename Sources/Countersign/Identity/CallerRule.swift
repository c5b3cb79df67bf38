/// One rule of a ``CallerPolicy``: a condition, and the service that a matching certificate is.
public struct CallerRule: Sendable {
    let condition: CallerCondition
    /// The service a matching certificate is; `nil`: the one that it names itself.
    let service: String?

    /// Every certificate of which the condition is true.
    ///
    /// - Parameter service: the service that all of them are; `nil`: the one that each names itself.
    public static func when(_ condition: CallerCondition, service: String? = nil) -> CallerRule {
        CallerRule(condition: condition, service: service)
    }

    /// The whole subject.
    public static func subject(_ subject: DistinguishedName, service: String? = nil) -> CallerRule {
        when(.subject(subject), service: service)
    }

    /// The SPIFFE ID.
    public static func spiffeID(_ id: SPIFFEID, service: String? = nil) -> CallerRule {
        when(.spiffeID(id), service: service)
    }

    /// One of the DNS names; a text that is no host name matches nobody.
    public static func dnsName(_ name: String, service: String? = nil) -> CallerRule {
        when(.dnsName(name), service: service)
    }

    /// Several criteria that must all match.
    public static func criteria(_ criteria: CallerCriteria, service: String? = nil) -> CallerRule {
        when(.criteria(criteria), service: service)
    }

    /// Every certificate with a SPIFFE ID `spiffe://DOMAIN/service/NAME`; the service is NAME.
    public static func trustDomain(_ domain: String) -> CallerRule {
        when(.trustDomain(domain))
    }

    /// Every certificate the authorities vouch for; the service is the one that the certificate names.
    ///
    /// Say this only where the authority issues to services and to nobody else.
    public static let anyTrustedCertificate = when(.trusted)
}
