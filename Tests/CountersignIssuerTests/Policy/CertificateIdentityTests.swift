import Countersign
import CountersignCrypto
import CountersignIssuer
import Testing

@Suite("A certificate's identity")
struct CertificateIdentityTests {
    private let pki: TestPKI

    init() throws {
        pki = try TestPKI.shared.get()
    }

    @Test("is read from an unambiguous certificate")
    func good() throws {
        let names: [SubjectAlternativeName] = [.dns("A.Link.internal"), .uri("spiffe://link.internal/service/a")]
        let identity = try CertificateIdentity(try pki.certificate(subject("a"), names))
        #expect(identity.subject == subject("a"))
        #expect(identity.spiffeID?.path == "/service/a")
        #expect(identity.dnsNames == ["a.link.internal"])
        try identity.requireSubjectFields([.commonName, .organization])
    }

    @Test("may have a URI that is no SPIFFE ID")
    func otherURI() throws {
        let identity = try CertificateIdentity(try pki.certificate(subject("a"), [.uri("https://a.example/"), .uri("urn:x:y")]))
        #expect(identity.spiffeID == nil)
    }

    @Test("does not exist with two common names")
    func twoCommonNames() throws {
        let twice = DistinguishedName([(.organization, "Link Service"), (.commonName, "a"), (.commonName, "b")])
        #expect(try code(pki.certificate(twice)) == .certificateAmbiguous)
    }

    @Test("does not exist with a multi-valued relative name")
    func multiValued() throws {
        let merged = DistinguishedName(relativeDistinguishedNames: [
            .init([.init(type: .commonName, value: Array("a".utf8)), .init(type: .organization, value: Array("Link".utf8))])
        ])
        #expect(try code(pki.certificate(merged)) == .certificateAmbiguous)
    }

    @Test("does not exist with a NUL in the subject")
    func embeddedNUL() throws {
        #expect(try code(pki.certificate(subject("a\0.evil.example"))) == .certificateAmbiguous)
    }

    @Test(
        "does not exist with a SPIFFE ID that is malformed or not alone",
        arguments: [
            ["spiffe://link.internal/a", "spiffe://link.internal/b"], ["spiffe://link.internal/a", "spiffe://link.internal/a"],
            ["spiffe://link.internal/a", "https://x.example/"], ["spiffe://Link.internal/a"], ["SPIFFE://link.internal/a"],
            ["spiffe://link.internal/a?x=1"], ["spiffe://link.internal/a/"], ["spiffe:///a"], ["spiffe://u@link.internal/a"],
        ]
    )
    func spiffeIDs(uris: [String]) throws {
        #expect(try code(pki.certificate(subject("a"), uris.map { .uri($0) })) == .certificateAmbiguous)
    }

    @Test("is incomplete without a required field")
    func required() throws {
        let name = DistinguishedName([(.commonName, "a")])
        let identity = try CertificateIdentity(try pki.certificate(name))
        try identity.requireSubjectFields([.commonName])
        #expect(throws: CertificateIdentity.Refusal(.subjectIncomplete, "")) {
            try identity.requireSubjectFields([.commonName, .organization])
        }
    }

    private func code(_ certificate: Certificate) throws -> CertificateIdentity.Refusal.Code? {
        do {
            _ = try CertificateIdentity(certificate)
            return nil
        } catch {
            return error.code
        }
    }
}

@Suite("Caller criteria")
struct CallerCriteriaTests {
    @Test("without any rule do not exist")
    func none() {
        #expect(CallerCriteria() == nil)
    }

    @Test("take host names", arguments: ["a", "A.b-c.example", "_x.y", "127.0.0.1"])
    func hostNames(name: String) {
        #expect(CallerCriteria(dnsName: name)?.dnsName == name.lowercased())
    }

    @Test(
        "take no wildcards and no other text",
        arguments: ["", "*.a", "a.", ".a", "a..b", "-a", "a-", "a b", "\u{212A}.example", "a/b"])
    func notHostNames(name: String) {
        #expect(CallerCriteria(dnsName: name) == nil)
    }
}
