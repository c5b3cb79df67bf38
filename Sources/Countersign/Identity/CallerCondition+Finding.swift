internal import CountersignJSON

extension CallerCondition {
    /// What is known of a caller when conditions are asked.
    struct Evidence: Sendable {
        let identity: CertificateIdentity
        /// Of the authority that signed the certificate; `nil` when no path was validated.
        let authorityKey: SHA256Digest?
    }

    /// What a condition says of a caller.
    enum Finding {
        /// Something speaks for it, and nothing against.
        case admits
        /// Nothing speaks against it, and nothing for it.
        case permits
        case refuses(Objection)
        case unknown(Objection)
    }

    /// Why a condition does not admit.
    enum Objection: Hashable {
        case otherSubject, otherSPIFFEID, otherTrustDomain, otherDNSName, otherAuthority
        case otherValue(DistinguishedName.AttributeType)
        case noSubject, noSPIFFEID, noServicePath, noDNSName, noHostName, noAuthority
        case noField(DistinguishedName.AttributeType)
        case excluded, nothingSpeaksForIt, emptyList

        var text: String {
            switch self {
            case .otherSubject: "its subject is another"
            case .otherSPIFFEID: "its SPIFFE ID is another"
            case .otherTrustDomain: "its SPIFFE ID is of another trust domain"
            case .otherDNSName: "its DNS names are others"
            case .otherAuthority: "it was signed by an authority with another public key"
            case .otherValue(let type): "its \(type) is another"
            case .noSubject: "it has no subject"
            case .noSPIFFEID: "it has no SPIFFE ID"
            case .noServicePath: "its SPIFFE ID is no /service/NAME"
            case .noDNSName: "it has no DNS name"
            case .noHostName: "the rule's DNS name is no host name"
            case .noAuthority: "nobody looked at its authority"
            case .noField(let type): "its subject has no \(type)"
            case .excluded: "the rule excludes it"
            case .nothingSpeaksForIt: "the rule only excludes, and admits nobody"
            case .emptyList: "the rule is empty"
            }
        }
    }

    /// Cost: one pass over the condition, and no allocation.
    func finding(on evidence: Evidence) -> Finding {
        switch kind {
        case .trusted:
            return .admits
        case .subject(let subject):
            guard !evidence.identity.subject.isEmpty else { return .unknown(.noSubject) }
            return evidence.identity.subject == subject ? .admits : .refuses(.otherSubject)
        case .spiffeID(let id):
            guard let own = evidence.identity.spiffeID else { return .unknown(.noSPIFFEID) }
            return own == id ? .admits : .refuses(.otherSPIFFEID)
        case .trustDomain(let domain):
            guard let own = evidence.identity.spiffeID else { return .unknown(.noSPIFFEID) }
            guard own.trustDomain.hasSameUTF8(as: domain) else { return .refuses(.otherTrustDomain) }
            return ServiceName.isService(own, of: domain) ? .admits : .unknown(.noServicePath)
        case .dnsName(let criteria):
            guard let name = criteria?.dnsName else { return .unknown(.noHostName) }
            guard !evidence.identity.dnsNames.isEmpty else { return .unknown(.noDNSName) }
            return evidence.identity.dnsNames.contains(name) ? .admits : .refuses(.otherDNSName)
        case .subjectField(let type, let value):
            let own = evidence.identity.subject.values(of: type)
            guard !own.isEmpty else { return .unknown(.noField(type)) }
            return own.contains { $0.value == value } ? .admits : .refuses(.otherValue(type))
        case .issuedBy(let key):
            guard let own = evidence.authorityKey else { return .unknown(.noAuthority) }
            return own == key ? .admits : .refuses(.otherAuthority)
        case .all(let conditions):
            return Self.all(conditions, on: evidence)
        case .any(let conditions):
            return Self.any(conditions, on: evidence)
        case .not(let condition):
            switch condition.finding(on: evidence) {
            case .admits, .permits: return .refuses(.excluded)
            case .refuses: return .permits
            case .unknown(let objection): return .unknown(objection)
            }
        }
    }

    /// One refusal refuses; then one unknown is unknown. Of several objections the authority's comes last: it is told only when
    /// nothing else is wrong.
    private static func all(_ conditions: [CallerCondition], on evidence: Evidence) -> Finding {
        var (spokenFor, refusal, doubt) = (false, Objection?.none, Objection?.none)
        for condition in conditions {
            switch condition.finding(on: evidence) {
            case .admits: spokenFor = true
            case .permits: break
            case .refuses(let objection):
                if refusal == nil || refusal == .otherAuthority { refusal = objection }
            case .unknown(let objection):
                doubt = doubt ?? objection
            }
        }
        if let refusal, refusal != .otherAuthority || doubt == nil { return .refuses(refusal) }
        if let doubt { return refusal == nil ? .unknown(doubt) : .refuses(doubt) }
        return spokenFor ? .admits : .permits
    }

    private static func any(_ conditions: [CallerCondition], on evidence: Evidence) -> Finding {
        var (permitted, refusal, doubt) = (false, Objection?.none, Objection?.none)
        for condition in conditions {
            switch condition.finding(on: evidence) {
            case .admits: return .admits
            case .permits: permitted = true
            case .refuses(let objection): refusal = objection == .otherAuthority ? objection : refusal ?? objection
            case .unknown(let objection): doubt = doubt ?? objection
            }
        }
        if permitted { return .permits }
        if let doubt { return .unknown(doubt) }
        return .refuses(refusal ?? .emptyList)
    }
}
