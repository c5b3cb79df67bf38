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

    /// A certificate that may call, and the service that it is. One object, which all of its verified callers share.
    final class Caller: Sendable {
        let identity: CertificateIdentity
        let service: String

        init(identity: CertificateIdentity, service: String) {
            self.identity = identity
            self.service = service
        }
    }

    /// Step 3.
    ///
    /// - Parameter authorityKey: who signed the certificate, by path validation; `nil` when nobody looked.
    /// - Throws: ``Refusal`` with `subject-incomplete`, `subject-not-allowed`, `authority-not-allowed` or `certificate-ambiguous`.
    func caller(_ certificate: Certificate, authorityKey: SHA256Digest?) throws(Refusal) -> Caller {
        let identity: CertificateIdentity
        do throws(CertificateIdentity.Refusal) {
            identity = try CertificateIdentity(certificate)
        } catch {
            throw Refusal(Reason(error.code), error.message)
        }
        return Caller(identity: identity, service: try service(of: identity, authorityKey))
    }

    /// One pass over the rules; names are compared as parsed.
    private func service(of identity: CertificateIdentity, _ authorityKey: SHA256Digest?) throws(Refusal) -> String {
        do {
            try identity.requireSubjectFields(requiredSubjectFields)
        } catch {
            throw Refusal(Reason(error.code), error.message)
        }
        let evidence = CallerCondition.Evidence(identity: identity, authorityKey: authorityKey)
        var found: String?
        var objections: [CallerCondition.Objection] = []
        for rule in rules {
            switch rule.condition.finding(on: evidence) {
            case .admits: break
            case .permits:
                Self.note(.nothingSpeaksForIt, in: &objections)
                continue
            case .refuses(let objection), .unknown(let objection):
                Self.note(objection, in: &objections)
                continue
            }
            let service = if let explicit = rule.service { explicit } else { try ServiceName.named(by: identity) }
            if let found, !found.hasSameUTF8(as: service) {
                throw Refusal(.certificateAmbiguous, "the rules name the certificate's service both \(found) and \(service)")
            }
            found = service
        }
        guard let found else { throw Self.refusal(of: identity, for: objections) }
        return found
    }

    /// Keeps one of each kind, and few: policies can be long.
    private static func note(_ objection: CallerCondition.Objection, in objections: inout [CallerCondition.Objection]) {
        guard !objections.contains(objection) else { return }
        if objections.count < 4 || objection == .otherAuthority { objections.append(objection) }
    }

    private static func refusal(of identity: CertificateIdentity, for objections: [CallerCondition.Objection]) -> Refusal {
        let reasons = objections.isEmpty ? "there are no rules" : objections.map(\.text).joined(separator: "; ")
        return Refusal(
            objections.contains(.otherAuthority) ? .authorityNotAllowed : .subjectNotAllowed,
            "no rule admits \(identity.subject): \(reasons)"
        )
    }
}
