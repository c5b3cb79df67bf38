import CountersignCrypto
import CountersignPKI
import CountersignTesting
import Testing

@Suite struct CreateTests {
    @Test func makesARootForTenYearsWithAnEmptyList() throws {
        let fixture = try AuthorityFixture()
        #expect(try fixture.directory.contents(of: "certs") == ["ca-key.pem", "ca.pem", "crl.pem"])
        let root = try #require(fixture.certificates("ca.pem").first)
        #expect(root.subject.description == "CN=link.internal Root CA,O=Link Service")
        #expect(root.issuer == root.subject)
        #expect(root.isCertificateAuthority)
        #expect(root.uris == ["spiffe://link.internal"])
        #expect(root.notBefore == fixture.now.adding(seconds: -300))
        #expect(root.notAfter == fixture.day(3650))
        let list = try #require(fixture.lists().first)
        #expect(list.issuer == root.subject)
        #expect(list.revoked.isEmpty)
        #expect(list.number == 1)
        #expect(list.nextUpdate == fixture.day(1))
        #expect(try PrivateKey(pem: fixture.directory.read("certs/ca-key.pem")).matches(root))
    }

    @Test func givesEachFileItsMode() throws {
        let fixture = try AuthorityFixture(intermediate: "Link Issuing CA")
        #expect(try fixture.directory.mode("certs") == 0o755)
        for (file, mode) in [
            ("ca.pem", 0o644), ("ca-key.pem", 0o600), ("crl.pem", 0o644), ("intermediate.pem", 0o644),
            ("intermediate-key.pem", 0o600),
        ] {
            #expect(try fixture.directory.mode("certs/\(file)") == mode, "\(file)")
        }
    }

    @Test func makesAnIntermediateThatIssuesAndAListForEach() throws {
        let fixture = try AuthorityFixture(intermediate: "Link Issuing CA")
        let root = try #require(fixture.certificates("ca.pem").first)
        let middle = try #require(fixture.certificates("intermediate.pem").first)
        #expect(middle.subject.description == "CN=Link Issuing CA,O=Link Service")
        #expect(middle.issuer == root.subject)
        #expect(middle.uris == ["spiffe://link.internal"])
        #expect(middle.notAfter == fixture.day(1825))
        #expect(try fixture.lists().map(\.issuer) == [root.subject, middle.subject])
        let issued = try fixture.issue("user-svc")
        #expect(issued.chain == [middle])
        #expect(try fixture.certificates("user-svc/cert.pem") == [issued.certificate, middle])
        #expect(try fixture.verdict("user-svc/cert.pem") == nil)
        let opinion = try fixture.openSSLVerdict("user-svc/cert.pem")
        #expect(opinion.succeeded, "\(opinion)")
    }

    @Test(arguments: KeyKind.allCases)
    func makesEveryKindOfKey(kind: KeyKind) throws {
        let directory = try TestDirectory()
        let authority = try CertificateAuthority.create(
            in: directory.path, trustDomain: "link.internal", keyKind: kind, at: TestClock.now
        )
        let text = try Shell.run("openssl", "pkey", "-in", directory.path("ca-key.pem"), "-noout", "-text")
        let expected = [KeyKind.ecP256: "ASN1 OID: prime256v1", .rsa2048: "(2048 bit", .rsa4096: "(4096 bit"]
        #expect(try text.standardOutput.contains(#require(expected[kind])), "\(text)")
        let issued = try authority.issue("user-svc", keyKind: kind, at: TestClock.now)
        let opinion = try Shell.run(
            "openssl", "verify", "-x509_strict", "-attime", "\(TestClock.now.secondsSince1970)", "-CAfile",
            directory.path("ca.pem"), issued.certificateFile
        )
        #expect(opinion.succeeded, "\(opinion)")
    }

    @Test(arguments: ["ca.pem", "ca-key.pem", "crl.pem", "intermediate.pem", "intermediate-key.pem"])
    func overwritesNothing(file: String) throws {
        let directory = try TestDirectory()
        try directory.write("precious", to: file)
        let error = #expect(throws: PKIError(.alreadyInitialised, "")) { try create(in: directory) }
        #expect(error?.message.contains(directory.path(file)) == true)
        #expect(try directory.contents() == [file])
        #expect(try directory.read(file) == Array("precious".utf8))
    }

    @Test func worksInADirectoryWithOtherThingsInIt() throws {
        let directory = try TestDirectory()
        try directory.write("hello", to: "README")
        let authority = try create(in: directory)
        #expect(try directory.contents() == ["README", "ca-key.pem", "ca.pem", "crl.pem"])
        #expect(try authority.issuers().map(\.file) == [directory.path("ca.pem")])
        #expect(try CertificateAuthority.open(directory.path + "/").path == directory.path)
    }

    @Test func keepsTheOrganisationAndTheTrustDomainInTheCertificatesAlone() throws {
        let directory = try TestDirectory()
        let organization = "Größe, Söhne & Co. + \"X\""
        try create(in: directory, trustDomain: "prod_1.example", organization: organization)
        let leaf = try CertificateAuthority.open(directory.path).issue("user-svc", at: TestClock.now).certificate
        #expect(leaf.subject == DistinguishedName([(.organization, organization), (.commonName, "user-svc.prod_1.example")]))
        #expect(leaf.spiffeID?.description == "spiffe://prod_1.example/service/user-svc")
    }

    @Test func refusesNamesThatCannotBe() throws {
        for (organization, intermediate) in [
            ("", nil), (String(repeating: "a", count: 65), nil), ("a", ""), ("a", "link.internal Root CA"),
        ] as [(String, String?)] {
            let directory = try TestDirectory()
            #expect(throws: PKIError(.invalidName, "")) {
                try create(in: directory, organization: organization, intermediate: intermediate)
            }
            #expect(try directory.contents().isEmpty)
        }
        #expect(throws: PKIError(.invalidName, "")) { try create(in: TestDirectory(), trustDomain: "Link.internal") }
    }

    @Test func theLongestTrustDomainHasARootAndAService() throws {
        let directory = try TestDirectory()
        let authority = try create(in: directory, trustDomain: String(repeating: "a", count: 62))
        #expect(try authority.issuers().map(\.certificate.subject.description) == ["CN=Root CA,O=Link Service"])
        try authority.issue("x", at: TestClock.now)
        #expect(throws: PKIError(.invalidName, "")) { try authority.issue("xy", at: TestClock.now) }
    }

    @Test(arguments: 63...65) func refusesATrustDomainThatLeavesNoRoomForAService(length: Int) throws {
        let directory = try TestDirectory()
        #expect(throws: PKIError(.invalidName, "")) {
            try create(in: directory, trustDomain: String(repeating: "a", count: length))
        }
        #expect(try directory.contents().isEmpty)
    }

    @discardableResult
    private func create(
        in directory: TestDirectory,
        trustDomain: String = "link.internal",
        organization: String = "Link Service",
        intermediate: String? = nil
    ) throws -> CertificateAuthority {
        try CertificateAuthority.create(
            in: directory.path, trustDomain: trustDomain, organization: organization, intermediate: intermediate,
            at: TestClock.now
        )
    }
}
