import CountersignCrypto
import CountersignPKI
import CountersignTesting
import Foundation
import Testing

@Suite struct IssueTests {
    @Test func issuesForBothEndsOfAConnectionWithTheServicesNames() throws {
        let fixture = try AuthorityFixture()
        let issued = try fixture.issue("user-svc")
        let leaf = issued.certificate
        #expect(leaf.subject.description == "CN=user-svc.link.internal,O=Link Service")
        #expect(
            leaf.subjectAlternativeNames == [
                .dns("user-svc.link.internal"), .dns("user-svc"), .dns("user-svc.link.local"),
                .uri("spiffe://link.internal/service/user-svc"),
            ])
        #expect(leaf.notBefore == fixture.now.adding(seconds: -300))
        #expect(leaf.notAfter == fixture.day(90))
        #expect(!issued.isShortened)
        #expect(issued.backups.isEmpty)
        #expect(try fixture.certificates("user-svc/cert.pem") == [leaf])
        #expect(try PrivateKey(pem: fixture.directory.read("certs/user-svc/key.pem")).matches(leaf))
        #expect(try fixture.verdict("user-svc/cert.pem", purpose: .client) == nil)
        #expect(try fixture.verdict("user-svc/cert.pem", purpose: .server) == nil)
        let opinion = try fixture.openSSLVerdict("user-svc/cert.pem")
        #expect(opinion.succeeded, "\(opinion)")
    }

    @Test func givesEachFileItsMode() throws {
        let fixture = try AuthorityFixture()
        try fixture.issue("user-svc")
        try fixture.issue("user-svc")
        #expect(try fixture.directory.mode("certs/user-svc") == 0o755)
        #expect(try fixture.directory.mode("certs/user-svc/cert.pem") == 0o644)
        #expect(try fixture.directory.mode("certs/user-svc/key.pem") == 0o600)
        #expect(try fixture.directory.mode("certs/user-svc/backup") == 0o700)
        #expect(try fixture.directory.mode("certs/user-svc/backup/20270115T080000Z-cert.pem") == 0o644)
        #expect(try fixture.directory.mode("certs/user-svc/backup/20270115T080000Z-key.pem") == 0o600)
    }

    @Test func keepsWhatItReplaces() throws {
        let fixture = try AuthorityFixture()
        let first = try fixture.issue("user-svc")
        let firstKey = try fixture.directory.read("certs/user-svc/key.pem")
        let second = try fixture.issue("user-svc", at: fixture.day(1))
        let third = try fixture.issue("user-svc", at: fixture.day(1))
        #expect(
            try fixture.directory.contents(of: "certs/user-svc") == [
                "backup", "backup/20270116T080000Z-2-cert.pem", "backup/20270116T080000Z-2-key.pem",
                "backup/20270116T080000Z-cert.pem",
                "backup/20270116T080000Z-key.pem", "cert.pem", "key.pem",
            ])
        #expect(
            second.backups == [
                fixture.directory.path("certs/user-svc/backup/20270116T080000Z-cert.pem"),
                fixture.directory.path("certs/user-svc/backup/20270116T080000Z-key.pem"),
            ])
        #expect(try fixture.certificates("user-svc/backup/20270116T080000Z-cert.pem") == [first.certificate])
        #expect(try fixture.directory.read("certs/user-svc/backup/20270116T080000Z-key.pem") == firstKey)
        #expect(try fixture.certificates("user-svc/backup/20270116T080000Z-2-cert.pem") == [second.certificate])
        #expect(try fixture.certificates("user-svc/cert.pem") == [third.certificate])
    }

    @Test func carriesTheNamesAndAddressesAskedForOnce() throws {
        let fixture = try AuthorityFixture()
        let names = try fixture.authority.issue(
            "user-svc",
            dnsNames: ["search.example.com", "*.example.com", "user-svc", "search.example.com"],
            addresses: [.ip([127, 0, 0, 1]), .ip([127, 0, 0, 1])],
            at: fixture.now
        ).certificate.subjectAlternativeNames
        #expect(names.suffix(3) == [.dns("search.example.com"), .dns("*.example.com"), .ip([127, 0, 0, 1])])
        #expect(names.count == 7)
    }

    @Test(arguments: [
        "", "*", "*.com", "a..b", ".a", "a.", "-a.b", "a-.b", "a b", "A.example", "a,b", "ä.example", "a.*.b", "x\u{0}.y",
        String(repeating: "a", count: 64), String(repeating: "a.", count: 127),
    ])
    func refusesNamesThatAreNoHostNames(name: String) throws {
        let fixture = try AuthorityFixture()
        #expect(throws: PKIError(.invalidName, "")) {
            try fixture.authority.issue("user-svc", dnsNames: [name], at: fixture.now)
        }
        #expect(try !fixture.directory.contents(of: "certs").contains("user-svc"))
    }

    /// `pki status` shows the authorities under these names.
    @Test(arguments: ["root", "intermediate"])
    func refusesTheNamesOfTheAuthorities(name: String) throws {
        let fixture = try AuthorityFixture()
        #expect(throws: PKIError(.invalidName, "")) { try fixture.issue(name) }
        #expect(try fixture.directory.contents(of: "certs") == ["ca-key.pem", "ca.pem", "crl.pem"])
        try fixture.issue("\(name)-svc")
    }

    @Test(arguments: [0, -1, 3651, Int64.max, Int64.min])
    func refusesDaysOutOfBounds(days: Int64) throws {
        let fixture = try AuthorityFixture()
        #expect(throws: PKIError(.invalidName, "")) { try fixture.issue("user-svc", days: days) }
    }

    @Test func nothingOutlivesItsIssuers() throws {
        let fixture = try AuthorityFixture(intermediate: "Link Issuing CA")
        #expect(try !fixture.issue("user-svc", days: 1825).isShortened)
        let late = try fixture.issue("user-svc", days: 90, at: fixture.day(1800))
        #expect(late.isShortened)
        #expect(late.certificate.notAfter == fixture.day(1825))
        #expect(throws: PKIError(.authorityUnfit, "")) { try fixture.issue("user-svc", at: fixture.day(1825)) }
    }

    @Test func nothingBeginsBeforeItsIssuers() throws {
        let fixture = try AuthorityFixture()
        let issued = try fixture.issue("user-svc", at: fixture.now.adding(seconds: -200))
        #expect(issued.certificate.notBefore == fixture.now.adding(seconds: -300))
        #expect(throws: PKIError(.authorityUnfit, "")) { try fixture.issue("user-svc", at: fixture.now.adding(seconds: -301)) }
    }

    @Test func aRevokedIntermediateIssuesNothing() throws {
        let fixture = try AuthorityFixture(intermediate: "Link Issuing CA")
        let middle = try #require(fixture.certificates("intermediate.pem").first)
        let revoked = try fixture.authority.revoke(serial: middle.serialHex, at: fixture.now)
        #expect(revoked.entries.map(\.certificate) == [middle])
        #expect(throws: PKIError(.authorityUnfit, "")) { try fixture.issue("user-svc") }
    }

    @Test func anIntermediateIssuesWithoutTheRootsKey() throws {
        let fixture = try AuthorityFixture(intermediate: "Link Issuing CA")
        try FileManager.default.removeItem(atPath: fixture.directory.path("certs/ca-key.pem"))
        try fixture.issue("user-svc")
        #expect(try fixture.verdict("user-svc/cert.pem") == nil)
    }

    @Test func needsAnAuthorityThatIsWhole() throws {
        let fixture = try AuthorityFixture()
        let (certificate, key) = (try fixture.directory.read("certs/ca.pem"), try fixture.directory.read("certs/ca-key.pem"))
        func expect(_ code: PKIError.Code, _ prepare: () throws -> Void) throws {
            try prepare()
            let error = #expect(throws: PKIError(code, "")) { try fixture.issue("user-svc") }
            #expect(error?.message.contains("/certs") == true, "\(error?.message ?? "")")
            try fixture.directory.write(certificate, to: "certs/ca.pem")
            try fixture.directory.write(key, to: "certs/ca-key.pem", mode: 0o600)
        }
        try expect(.keyUnavailable) { try FileManager.default.removeItem(atPath: fixture.directory.path("certs/ca-key.pem")) }
        try expect(.keyUnavailable) {
            try fixture.directory.write(TestAuthority().issue("x").keyPEM(), to: "certs/ca-key.pem", mode: 0o600)
        }
        try expect(.permissions) { try fixture.directory.write(key, to: "certs/ca-key.pem", mode: 0o640) }
        try expect(.malformed) { try fixture.directory.write("gibberish", to: "certs/ca-key.pem", mode: 0o600) }
        try expect(.malformed) { try fixture.directory.write("gibberish", to: "certs/ca.pem") }
        try expect(.malformed) { try fixture.directory.write(certificate + certificate, to: "certs/ca.pem") }
        try expect(.malformed) { try fixture.directory.write(TestAuthority().issue("x").chainPEM, to: "certs/ca.pem") }
        try expect(.notInitialised) { try FileManager.default.removeItem(atPath: fixture.directory.path("certs/ca.pem")) }
        try fixture.issue("user-svc")
    }

    @Test func refusesADirectoryThatIsNotThereOrGoesAway() throws {
        let fixture = try AuthorityFixture()
        try FileManager.default.removeItem(atPath: fixture.authority.path)
        #expect(throws: PKIError(.notInitialised, "")) { try CertificateAuthority.open(fixture.authority.path) }
        #expect(throws: PKIError(.notInitialised, "")) { try fixture.issue("user-svc") }
        #expect(throws: PKIError(.notInitialised, "")) { try fixture.authority.status(at: fixture.now) }
        #expect(try fixture.directory.contents().isEmpty)
    }

    @Test func writersWaitForEachOther() async throws {
        let fixture = try AuthorityFixture()
        let authority = fixture.authority
        let now = fixture.now
        /// A busy machine may keep a writer waiting for longer than it waits.
        @Sendable func patiently(_ write: () throws(PKIError) -> Void) throws(PKIError) {
            for _ in 0..<20 {
                do throws(PKIError) { return try write() } catch { guard error.code == .busy else { throw error } }
            }
            try write()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask { try patiently { () throws(PKIError) in _ = try authority.issue("svc", at: now) } }
                group.addTask {
                    try patiently { () throws(PKIError) in _ = try authority.revoke(serial: "\(number + 1)", at: now) }
                }
            }
            try await group.waitForAll()
        }
        let list = try #require(fixture.lists().first)
        #expect(Set(list.revoked.map(\.serialHex)) == Set((1...8).map { "0\($0)" }))
        #expect(list.number == 9)
        #expect(try fixture.directory.contents(of: "certs/svc/backup").count == 14)
        #expect(try fixture.verdict("svc/cert.pem") == nil)
        #expect(try !fixture.directory.contents().contains { $0.hasSuffix(".new") })
    }
}
