import CountersignCrypto
import CountersignPKI
import CountersignTesting
import Testing

@Suite struct StatusTests {
    typealias State = CertificateAuthority.CertificateStatus.State

    @Test func showsWhatIsInUse() throws {
        let fixture = try AuthorityFixture(intermediate: "Link Issuing CA")
        try fixture.issue("user-svc")
        let current = try fixture.issue("user-svc", at: fixture.day(1))
        try fixture.issue("search-svc", days: 31)
        let status = try fixture.authority.status(at: fixture.now)
        #expect(status.certificates.map(\.name) == ["root", "intermediate", "search-svc", "user-svc"])
        #expect(status.certificates.map(\.daysLeft) == [3650, 1825, 31, 91])
        #expect(status.certificates.last?.certificate == current.certificate)
        #expect(status.certificates.last?.file == fixture.directory.path("certs/user-svc/cert.pem"))
        #expect(status.lists.map(\.isExpired) == [false, false])
        #expect(!status.needsAttention)
    }

    @Test func seesACertificateComeToItsEnd() throws {
        let fixture = try AuthorityFixture()
        try fixture.issue("user-svc", days: 60)
        _ = try fixture.authority.renewRevocationLists(at: fixture.now, validFor: 100 * 86_400)
        func state(_ moment: Timestamp, alertDays: Int64 = 30) throws -> (State, Int64, Bool) {
            let status = try fixture.authority.status(at: moment, alertDays: alertDays)
            let row = try #require(status.certificates.last)
            return (row.state, row.daysLeft, status.needsAttention)
        }
        #expect(try state(fixture.now.adding(seconds: -301)) == (.notYetValid, 60, false))
        #expect(try state(fixture.day(30)) == (.valid, 30, false))
        #expect(try state(fixture.day(30).adding(seconds: 1)) == (.expiring, 29, true))
        #expect(try state(fixture.day(30).adding(seconds: 1), alertDays: 7) == (.valid, 29, false))
        #expect(try state(fixture.day(60).adding(seconds: -1)) == (.expiring, 0, true))
        #expect(try state(fixture.day(60)) == (.expired, 0, true))
        #expect(try state(fixture.day(60).adding(seconds: 1)) == (.expired, -1, true))
        #expect(try state(fixture.day(62)) == (.expired, -2, true))
    }

    @Test func aRevokedCertificateRaisesNoAlarmButAnEndedListDoes() throws {
        let fixture = try AuthorityFixture()
        try fixture.issue("user-svc", days: 10)
        #expect(try fixture.authority.status(at: fixture.now).needsAttention)
        _ = try fixture.authority.revoke("user-svc", at: fixture.now)
        let status = try fixture.authority.status(at: fixture.now)
        #expect(status.certificates.map(\.state) == [.valid, .revoked])
        #expect(!status.needsAttention)
        let late = try fixture.authority.status(at: fixture.day(1))
        #expect(late.lists.map(\.isExpired) == [true])
        #expect(late.needsAttention)
    }

    @Test func showsAFileThatCannotBeReadAndTheOthersAllTheSame() throws {
        let fixture = try AuthorityFixture()
        try fixture.issue("user-svc")
        try fixture.directory.write("gibberish", to: "certs/other/cert.pem")
        let status = try fixture.authority.status(at: fixture.now)
        #expect(status.certificates.map(\.name) == ["root", "user-svc"])
        #expect(status.unreadable.map(\.file) == [fixture.directory.path("certs/other/cert.pem")])
        #expect(status.needsAttention)
    }

    @Test func aCertificateOfAnotherAuthorityOfTheSameNameIsNotOurs() throws {
        let fixture = try AuthorityFixture()
        let other = try AuthorityFixture()
        let foreign = try other.issue("user-svc").certificate
        try fixture.directory.write(foreign.pem, to: "certs/user-svc/cert.pem")
        #expect(foreign.issuer == (try fixture.certificates("ca.pem").first?.subject))
        let status = try fixture.authority.status(at: fixture.now)
        #expect(status.certificates.map(\.state.rawValue) == ["valid", "not-issued-here"])
        #expect(status.needsAttention)

        let before = try fixture.directory.read("certs/crl.pem")
        #expect(throws: PKIError(.unknownCertificate, "")) { try fixture.authority.revoke("user-svc", at: fixture.now) }
        #expect(throws: PKIError(.unknownCertificate, "")) {
            try fixture.authority.revoke(serial: foreign.serialHex, at: fixture.now)
        }
        #expect(try fixture.directory.read("certs/crl.pem") == before)
        #expect(try !other.authority.status(at: fixture.now).needsAttention)
        #expect(try other.authority.revoke("user-svc", at: fixture.now).entries.map(\.certificate) == [foreign])
    }

    @Test func seesAKeyOfAnotherCertificate() throws {
        let fixture = try AuthorityFixture()
        try fixture.issue("user-svc")
        let key = try fixture.directory.read("certs/user-svc/key.pem")
        func state() throws -> (String?, Bool) {
            let status = try fixture.authority.status(at: fixture.now)
            return (status.certificates.last?.state.rawValue, status.needsAttention)
        }
        #expect(try state() == ("valid", false))
        try fixture.directory.write(TestAuthority().issue("x").keyPEM(), to: "certs/user-svc/key.pem", mode: 0o600)
        #expect(try state() == ("other-key", true))
        // Elsewhere, or under a passphrase: nothing is known of it.
        try fixture.directory.write("gibberish", to: "certs/user-svc/key.pem", mode: 0o600)
        #expect(try state() == ("valid", false))
        try fixture.directory.write(key, to: "certs/user-svc/key.pem", mode: 0o600)
        #expect(try state() == ("valid", false))
    }

    @Test func aServiceUnderARevokedIntermediateNeedsAttention() throws {
        let fixture = try AuthorityFixture(intermediate: "Link Issuing CA")
        try fixture.issue("thief")
        try fixture.issue("user-svc")
        try fixture.authority.revoke("thief", at: fixture.now)
        #expect(try !fixture.authority.status(at: fixture.now).needsAttention)
        let middle = try #require(fixture.certificates("intermediate.pem").first)
        try fixture.authority.revoke(serial: middle.serialHex, at: fixture.now)
        let status = try fixture.authority.status(at: fixture.now)
        #expect(status.certificates.map(\.state.rawValue) == ["valid", "revoked", "revoked", "issuer-revoked"])
        #expect(status.needsAttention)
        #expect(try fixture.verdict("user-svc/cert.pem") == .revoked)
    }
}
