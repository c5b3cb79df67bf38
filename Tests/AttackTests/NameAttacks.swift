import Countersign
import CountersignTesting
import Testing

/// Subjects that look like an allowed one, or that other software would read as one. The rule allows
/// `CN=user-svc.link.internal,O=Link Service` and nothing else.
@Suite struct NameAttacks {
    let receiver: Receiver

    init() throws {
        receiver = try Receiver.shared.get()
    }

    static let allowed = CallerPolicy(
        rules: [
            .subject(DistinguishedName([(.organization, "Link Service"), (.commonName, "user-svc.link.internal")]))
        ],
        requiredSubjectFields: []
    )

    func verdict(
        _ subject: [(DistinguishedName.AttributeType, String)],
        _ names: [SubjectAlternativeName] = []
    ) async throws -> String {
        try await verdict(receiver.authority.issue("x", subject: DistinguishedName(subject), names: names))
    }

    func verdict(_ identity: TestIdentity, trusting authority: TestAuthority? = nil) async throws -> String {
        let authenticator = try receiver.issuer.authenticator(
            audience: "search-svc", trusting: authority ?? receiver.authority, callers: Self.allowed)
        let token = try receiver.issuer.token(for: identity, service: "user-svc", audience: "search-svc")
        return await receiver.verdict(token, from: identity, by: authenticator)
    }

    @Test func acceptsTheSubjectItself() async throws {
        #expect(
            try await verdict([(.organization, "Link Service"), (.commonName, "user-svc.link.internal")]) == "accepted")
    }

    @Test func refusesSeparatorsInsideACommonName() async throws {
        // As text, in one notation or another, each of these is the allowed name.
        for name in [
            "user-svc.link.internal,O=Link Service", "user-svc.link.internal/O=Link Service",
            "user-svc.link.internal\\,O=Link Service", "user-svc.link.internal+O=Link Service",
            "user-svc.link.internal;O=Link Service", "user-svc.link.internal\nO=Link Service",
            "admin/CN=user-svc.link.internal",
        ] {
            #expect(try await verdict([(.commonName, name)]) == "subject-not-allowed")
            #expect(try await verdict([(.organization, "Link Service"), (.commonName, name)]) == "subject-not-allowed")
        }
        #expect(
            try await verdict([(.organization, "Link Service/CN=user-svc.link.internal"), (.commonName, "thief")])
                == "subject-not-allowed")
    }

    @Test func refusesReversedAndRepeatedAndMissingParts() async throws {
        let (o, cn) = ((DistinguishedName.AttributeType.organization, "Link Service"), "user-svc.link.internal")
        #expect(try await verdict([(.commonName, cn), o]) == "subject-not-allowed")
        #expect(try await verdict([o, o, (.commonName, cn)]) == "subject-not-allowed")
        #expect(try await verdict([(.commonName, cn)]) == "subject-not-allowed")
        #expect(try await verdict([o]) == "subject-not-allowed")
        #expect(try await verdict([o, (.organizationalUnit, "x"), (.commonName, cn)]) == "subject-not-allowed")
        #expect(try await verdict([o, (.organizationalUnit, cn)]) == "subject-not-allowed")
        #expect(try await verdict([o, (.commonName, cn), (.commonName, cn)]) == "certificate-ambiguous")
        #expect(try await verdict([o, (.commonName, cn), (.commonName, "admin-svc")]) == "certificate-ambiguous")
    }

    @Test func refusesOtherCaseSpacesAndLookAlikes() async throws {
        for name in [
            "USER-SVC.link.internal", "user-svc.link.internal ", " user-svc.link.internal", "user-svc.link.internal.",
            "us\u{435}r-svc.link.internal", "user\u{2010}svc.link.internal", "user-svc.l\u{131}nk.internal",
            "user-svc.link.internal\u{200b}", "\u{feff}user-svc.link.internal",
        ] {
            #expect(
                try await verdict([(.organization, "Link Service"), (.commonName, name)]) == "subject-not-allowed", "\(name)")
        }
        #expect(
            try await verdict([(.organization, "Link  Service"), (.commonName, "user-svc.link.internal")])
                == "subject-not-allowed")
    }

    @Test func refusesAlternativeNamesThatNameSomebodyElse() async throws {
        let subject = [
            (DistinguishedName.AttributeType.organization, "Link Service"), (.commonName, "user-svc.link.internal"),
        ]
        func id(_ path: String) -> SubjectAlternativeName { .uri("spiffe://link.internal\(path)") }
        #expect(try await verdict(subject, [id("/service/user-svc")]) == "accepted")
        #expect(try await verdict(subject, [id("/service/admin-svc")]) == "certificate-ambiguous")
        #expect(try await verdict(subject, [id("/service/user-svc"), id("/service/admin-svc")]) == "certificate-ambiguous")
        #expect(try await verdict(subject, [id("/service/user-svc"), .uri("https://x.example")]) == "certificate-ambiguous")
        #expect(try await verdict(subject, [id("/service/../user-svc")]) == "certificate-ambiguous")
        #expect(try await verdict(subject, [id("/service//user-svc")]) == "certificate-ambiguous")
        #expect(try await verdict(subject, [.uri("SPIFFE://link.internal/service/user-svc")]) == "certificate-ambiguous")
    }

    @Test func comparesTextAndNotStringTypes() async throws {
        for mask in ["default", "utf8only", "pkix"] {
            let certificates = OpenSSLCertificates(try TestDirectory())
            let made = try certificates.selfSigned(
                subject: "/O=Link Service/CN=user-svc.link.internal", extensions: CertificateAttacks.client, stringMask: mask)
            #expect(throws: Never.self) { try CertificateIdentity(made) }
            #expect(
                made.subject
                    == DistinguishedName([(.organization, "Link Service"), (.commonName, "user-svc.link.internal")]))
        }
    }

    @Test func refusesAMultiValuedNameAndANUL() async throws {
        let certificates = OpenSSLCertificates(try TestDirectory())
        let root = try certificates.root()
        func code(_ subject: String) throws -> String {
            let made = try certificates.issue("name", under: root, subject: subject, extensions: CertificateAttacks.client)
            do throws(CertificateIdentity.Refusal) {
                _ = try CertificateIdentity(made.certificate)
                return "accepted"
            } catch {
                return error.code.rawValue
            }
        }
        #expect(try code("/O=Link Service/CN=user-svc.link.internal") == "accepted")
        #expect(try code("/O=Link Service/CN=user-svc.link.internal+OU=x") == "certificate-ambiguous")
        // A NUL cannot be asked for on a command line; a certificate with a changed byte carries one.
        let good = receiver.caller.certificate
        var der = good.der
        let start = try #require(der.firstRange(of: Array("user-svc.link".utf8))?.lowerBound)
        der[start + 8] = 0
        let spoilt = try Certificate(der: der)
        #expect(spoilt.subject.hasEmbeddedNUL)
        let refusal = #expect(throws: CertificateIdentity.Refusal.self) { try CertificateIdentity(spoilt) }
        #expect(refusal?.code == .certificateAmbiguous)
    }
}
