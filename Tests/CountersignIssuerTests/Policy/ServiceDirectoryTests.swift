import Countersign
import CountersignCrypto
import CountersignIssuer
import Testing

@Suite("The service directory")
struct ServiceDirectoryTests {
    private let pki: TestPKI

    init() throws {
        pki = try TestPKI.shared.get()
    }

    @Test("resolves a certificate by subject, by SPIFFE ID and by DNS name")
    func resolves() throws {
        let directory = try ServiceDirectory([
            try entry("by-subject", subject: subject("a")),
            try entry("by-spiffe", spiffeID: "spiffe://link.internal/b"),
            try entry("by-dns", dns: "C.link.internal"),
        ])
        #expect(try id(directory, pki.certificate(subject("a"))) == "by-subject")
        #expect(try id(directory, pki.certificate(subject("b"), [.uri("spiffe://link.internal/b")])) == "by-spiffe")
        #expect(try id(directory, pki.certificate(subject("c"), [.dns("x"), .dns("c.LINK.internal")])) == "by-dns")
    }

    @Test("needs every criterion of an entry to match")
    func allCriteria() throws {
        let directory = try ServiceDirectory([
            try entry("both", subject: subject("a"), spiffeID: "spiffe://link.internal/a", dns: "a.link.internal")
        ])
        let names: [SubjectAlternativeName] = [.uri("spiffe://link.internal/a"), .dns("a.link.internal")]
        #expect(try id(directory, pki.certificate(subject("a"), names)) == "both")
        #expect(try code(directory, pki.certificate(subject("a"))) == .serviceUnknown)
        #expect(try code(directory, pki.certificate(subject("b"), names)) == .serviceUnknown)
        #expect(try code(directory, pki.certificate(subject("a"), [.uri("spiffe://link.internal/a")])) == .serviceUnknown)
        #expect(
            try code(directory, pki.certificate(subject("a"), [.uri("spiffe://link.internal/A"), .dns("a.link.internal")]))
                == .serviceUnknown
        )
    }

    @Test("resolves nobody when it is empty")
    func empty() throws {
        #expect(try code(ServiceDirectory([]), pki.certificate(subject("a"))) == .serviceUnknown)
    }

    @Test("compares subjects by order, case and bytes, not by looks")
    func subjects() throws {
        let directory = try ServiceDirectory([try entry("a", subject: subject("caf\u{E9}"))])
        #expect(try id(directory, pki.certificate(subject("caf\u{E9}"))) == "a")
        #expect(try code(directory, pki.certificate(subject("cafe\u{301}"))) == .serviceUnknown)
        #expect(try code(directory, pki.certificate(subject("Caf\u{E9}"))) == .serviceUnknown)
        #expect(try code(directory, pki.certificate(subject("caf\u{E9}", organization: "link service"))) == .serviceUnknown)
        let reversed = DistinguishedName([(.commonName, "caf\u{E9}"), (.organization, "Link Service")])
        #expect(try code(directory, pki.certificate(reversed)) == .serviceUnknown)
        let longer = DistinguishedName([(.organization, "Link Service"), (.commonName, "caf\u{E9}"), (.userID, "x")])
        #expect(try code(directory, pki.certificate(longer)) == .serviceUnknown)
    }

    @Test("refuses a certificate that fits two entries found in different ways")
    func ambiguousAtRunTime() throws {
        let directory = try ServiceDirectory([
            try entry("by-spiffe", spiffeID: "spiffe://link.internal/a"),
            try entry("by-dns", dns: "b.link.internal"),
            try entry("by-other-dns", dns: "c.link.internal"),
            try entry("by-subject", subject: subject("s")),
        ])
        let spiffeID = SubjectAlternativeName.uri("spiffe://link.internal/a")
        #expect(try id(directory, pki.certificate(subject("x"), [spiffeID])) == "by-spiffe")
        #expect(try code(directory, pki.certificate(subject("x"), [spiffeID, .dns("b.link.internal")])) == .serviceAmbiguous)
        #expect(
            try code(directory, pki.certificate(subject("x"), [.dns("b.link.internal"), .dns("c.link.internal")]))
                == .serviceAmbiguous
        )
        #expect(try code(directory, pki.certificate(subject("s"), [spiffeID])) == .serviceAmbiguous)
        // The same name twice is still one service.
        #expect(try id(directory, pki.certificate(subject("x"), [.dns("b.link.internal"), .dns("B.link.internal")])) == "by-dns")
    }

    @Test("refuses overlapping entries and takes disjoint ones")
    func overlaps() throws {
        let first = "spiffe://link.internal/a"
        let second = "spiffe://link.internal/b"
        // Same entry twice, or one a subset of the other.
        #expect(try conflicts([entry("1", subject: subject("a")), entry("2", subject: subject("a"))]) == [[0, 1]])
        #expect(try conflicts([entry("1", spiffeID: first), entry("2", spiffeID: first)]) == [[0, 1]])
        #expect(try conflicts([entry("1", dns: "a.x"), entry("2", dns: "A.x")]) == [[0, 1]])
        #expect(
            try conflicts([entry("1", subject: subject("a")), entry("2", subject: subject("a"), spiffeID: first)]) == [[0, 1]])
        #expect(try conflicts([entry("1", subject: subject("a"), dns: "a.x"), entry("2", dns: "a.x")]) == [[0, 1]])
        // DNS names prove nothing: a certificate may have both.
        #expect(
            try conflicts([entry("1", spiffeID: first, dns: "a.x"), entry("2", spiffeID: first, dns: "b.x")]) == [[0, 1]]
        )
        #expect(
            try conflicts([entry("1", subject: subject("a"), dns: "a.x"), entry("2", spiffeID: first, dns: "a.x")]) == [[0, 1]]
        )
        // A certificate has one subject and at most one SPIFFE ID.
        #expect(try conflicts([entry("1", subject: subject("a"), dns: "x"), entry("2", subject: subject("b"), dns: "x")]) == [])
        #expect(try conflicts([entry("1", spiffeID: first, dns: "x"), entry("2", spiffeID: second, dns: "x")]) == [])
        #expect(
            try conflicts([
                entry("1", subject: subject("a"), spiffeID: first), entry("2", subject: subject("a"), spiffeID: second),
            ]) == []
        )
        #expect(
            try conflicts([
                entry("1", subject: subject("a"), spiffeID: first), entry("2", subject: subject("b"), spiffeID: first),
            ]) == []
        )
        // Nothing shared: told apart when a certificate arrives.
        #expect(try conflicts([entry("1", spiffeID: first), entry("2", subject: subject("a")), entry("3", dns: "x")]) == [])
        // Each offender once, and ids are unique.
        #expect(
            try conflicts([
                entry("1", subject: subject("a")), entry("2", subject: subject("b")), entry("3", subject: subject("a")),
                entry("1", subject: subject("c")), entry("5", subject: subject("a")),
            ]) == [[0, 2], [0, 3], [0, 4]]
        )
    }

    @Test("compiles many entries that share a name without comparing each with each", .timeLimit(.minutes(1)))
    func manyShared() throws {
        let entries = try (0..<20_000).map { index in
            try entry("s\(index)", subject: subject("shared"), spiffeID: "spiffe://link.internal/\(index)", dns: "shared.x")
        }
        let directory = try ServiceDirectory(entries)
        let certificate = try pki.certificate(subject("shared"), [.uri("spiffe://link.internal/777"), .dns("shared.x")])
        #expect(try id(directory, certificate) == "s777")
    }
}

extension ServiceDirectoryTests {
    private func entry(
        _ id: String, subject: DistinguishedName? = nil, spiffeID: String? = nil, dns: String? = nil
    ) throws -> ServiceEntry {
        let criteria = CallerCriteria(subject: subject, spiffeID: try spiffeID.map { try SPIFFEID($0) }, dnsName: dns)
        return ServiceEntry(id: id, criteria: try #require(criteria), audiences: [])
    }

    private func conflicts(_ entries: [ServiceEntry]) throws -> [[Int]] {
        do {
            _ = try ServiceDirectory(entries)
            return []
        } catch {
            return error.conflicts.map { [$0.first, $0.second] }
        }
    }

    private func id(_ directory: ServiceDirectory, _ certificate: Certificate) throws -> String {
        try directory.service(for: CertificateIdentity(certificate)).get().id
    }

    private func code(_ directory: ServiceDirectory, _ certificate: Certificate) throws -> ServiceRefusal.Code? {
        switch directory.service(for: try CertificateIdentity(certificate)) {
        case .success: nil
        case .failure(let refusal): refusal.code
        }
    }
}
