/// What must be true of a certificate for a rule to admit its holder: one thing, or several joined by `all`, `any` and `not`.
///
/// ```swift
/// CallerRule.when(
///     .all([
///         .trustDomain("link.internal"),
///         .issuedBy(publicKeySHA256: authority.publicKey.sha256),
///         .not(.subjectField(.organizationalUnit, "Contractors")),
///     ])
/// )
/// ```
///
/// Names are compared as parsed names, by their UTF-8 bytes. Everything is asked of a certificate whose path was validated, and
/// fails closed: a condition about something that the certificate does not have (no SPIFFE ID, no DNS name, no such field, no
/// authority that was looked at) is *unknown*, and neither it nor its `not` admits anybody. And `not` only excludes: alone, or
/// joined to nothing but other exclusions, it admits nobody. Something must speak for the caller.
public struct CallerCondition: Sendable, Hashable {
    indirect enum Kind: Sendable, Hashable {
        case trusted
        case subject(DistinguishedName)
        case spiffeID(SPIFFEID)
        case trustDomain(String)
        /// `nil` for a text that is no host name.
        case dnsName(CallerCriteria?)
        case subjectField(DistinguishedName.AttributeType, value: [UInt8])
        case issuedBy(SHA256Digest)
        case all([CallerCondition])
        case any([CallerCondition])
        case not(CallerCondition)
    }

    let kind: Kind

    /// The whole subject, relative name by relative name in order.
    public static func subject(_ subject: DistinguishedName) -> CallerCondition { CallerCondition(kind: .subject(subject)) }

    /// The SPIFFE ID; trust domain and path are compared exactly.
    public static func spiffeID(_ id: SPIFFEID) -> CallerCondition { CallerCondition(kind: .spiffeID(id)) }

    /// A SPIFFE ID `spiffe://DOMAIN/service/NAME`. Any other path under the domain is unknown.
    public static func trustDomain(_ domain: String) -> CallerCondition { CallerCondition(kind: .trustDomain(domain)) }

    /// One of the DNS names, in any case of ASCII; a text that is no host name is never true and never false.
    public static func dnsName(_ name: String) -> CallerCondition {
        CallerCondition(kind: .dnsName(CallerCriteria(dnsName: name)))
    }

    /// A field of the subject with exactly this value; where the field stands several times, in one of them.
    public static func subjectField(_ type: DistinguishedName.AttributeType, _ value: String) -> CallerCondition {
        CallerCondition(kind: .subjectField(type, value: Array(value.utf8)))
    }

    /// The authority that signed the certificate has this public key: SHA-256 of its SubjectPublicKeyInfo (`PublicKey.sha256`).
    ///
    /// Judged on the path that was validated and not by the issuer's name. It keeps apart authorities that one receiver trusts, and
    /// outlives the renewal of an authority's certificate over the same key. Refused with `authority-not-allowed`.
    public static func issuedBy(publicKeySHA256: SHA256Digest) -> CallerCondition {
        CallerCondition(kind: .issuedBy(publicKeySHA256))
    }

    /// Every one. An empty list speaks for nobody.
    public static func all(_ conditions: [CallerCondition]) -> CallerCondition { CallerCondition(kind: .all(conditions)) }

    /// At least one. An empty list admits nobody.
    public static func any(_ conditions: [CallerCondition]) -> CallerCondition { CallerCondition(kind: .any(conditions)) }

    /// Excludes those of whom the condition is true. Admits nobody by itself; see ``CallerCondition``.
    public static func not(_ condition: CallerCondition) -> CallerCondition { CallerCondition(kind: .not(condition)) }

    /// Every certificate that the authorities vouch for.
    static let trusted = CallerCondition(kind: .trusted)

    /// The criteria that are given, all of them.
    static func criteria(_ criteria: CallerCriteria) -> CallerCondition {
        .all(
            [
                criteria.subject.map(subject), criteria.spiffeID.map(spiffeID), criteria.dnsName.map(dnsName),
            ].compactMap { $0 }
        )
    }
}
