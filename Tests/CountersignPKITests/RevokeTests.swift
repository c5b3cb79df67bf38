import CountersignCrypto
import CountersignPKI
import CountersignTesting
import Foundation
import Testing

@Suite struct RevokeTests {
    @Test(arguments: [nil, "Link Issuing CA"])
    func revokesOneServiceAndLeavesTheOthers(intermediate: String?) throws {
        let fixture = try AuthorityFixture(intermediate: intermediate)
        let bad = try fixture.issue("thief").certificate
        try fixture.issue("user-svc")
        #expect(try fixture.verdict("thief/cert.pem") == nil)
        let revoked = try fixture.authority.revoke("thief", at: fixture.now)
        #expect(revoked.entries.map(\.serialHex) == [bad.serialHex])
        #expect(revoked.entries.map(\.certificate) == [bad])
        #expect(revoked.entries.map(\.wasRevoked) == [false])
        #expect(revoked.lists.map(\.der) == (try fixture.lists().map(\.der)))
        #expect(try fixture.verdict("thief/cert.pem") == .revoked)
        #expect(try fixture.verdict("user-svc/cert.pem") == nil)
        #expect(try fixture.openSSLVerdict("thief/cert.pem").standardError.contains("certificate revoked"))
        let opinion = try fixture.openSSLVerdict("user-svc/cert.pem")
        #expect(opinion.succeeded, "\(opinion)")
        let list = try Shell.run("openssl", "crl", "-in", fixture.directory.path("certs/crl.pem"), "-noout", "-text")
        #expect(list.succeeded, "\(list)")
    }

    @Test func revokesTheReplacedCertificatesOfAServiceToo() throws {
        let fixture = try AuthorityFixture()
        let expired = try fixture.issue("user-svc", days: 1).certificate
        let old = try fixture.issue("user-svc", at: fixture.day(1)).certificate
        let new = try fixture.issue("user-svc", at: fixture.day(2)).certificate
        let revoked = try fixture.authority.revoke("user-svc", at: fixture.day(3))
        #expect(Set(revoked.entries.map(\.serialHex)) == [old.serialHex, new.serialHex])
        #expect(try fixture.lists().flatMap(\.revoked).contains { $0.serialHex == expired.serialHex } == false)
    }

    @Test func revokesByNumberOneCertificateOnly() throws {
        let fixture = try AuthorityFixture()
        let old = try fixture.issue("user-svc").certificate
        try fixture.issue("user-svc", at: fixture.day(1))
        let spelled = old.serialHex.uppercased().enumerated().map { $0 > 0 && $0.isMultiple(of: 2) ? ":\($1)" : "\($1)" }.joined()
        let revoked = try fixture.authority.revoke(serial: spelled, at: fixture.day(1))
        #expect(revoked.entries.map(\.certificate) == [old])
        #expect(try fixture.verdict("user-svc/cert.pem", at: fixture.day(1)) == nil)
        #expect(try fixture.verdict("user-svc/backup/20270116T080000Z-cert.pem", at: fixture.day(1)) == .revoked)
    }

    @Test func askingAgainChangesNothingButTheList() throws {
        let fixture = try AuthorityFixture()
        try fixture.issue("user-svc")
        _ = try fixture.authority.revoke("user-svc", at: fixture.now)
        let again = try fixture.authority.revoke("user-svc", at: fixture.now.adding(seconds: 60))
        #expect(again.entries.map(\.wasRevoked) == [true])
        let list = try #require(fixture.lists().first)
        #expect(list.revoked.map(\.revokedAt) == [fixture.now])
        #expect(list.number == 3)
    }

    @Test func aLostCertificateCanBeRevokedByItsNumber() throws {
        let fixture = try AuthorityFixture(intermediate: "Link Issuing CA")
        let lost = try fixture.issue("user-svc")
        let pem = lost.certificate.pem + lost.chain.map(\.pem).joined()
        try FileManager.default.removeItem(atPath: fixture.directory.path("certs/user-svc"))
        let revoked = try fixture.authority.revoke(serial: lost.certificate.serialHex, at: fixture.now)
        #expect(revoked.entries.map(\.certificate) == [nil])
        try fixture.directory.write(pem, to: "certs/found.pem")
        #expect(try fixture.verdict("found.pem") == .revoked)
    }

    /// Such as one that another tool made with the authority's key.
    @Test func everySerialNumberThatIsReadCanBeRevoked() throws {
        let fixture = try AuthorityFixture()
        func make(_ serial: String, as name: String) throws -> String {
            let file = fixture.directory.path("certs/\(name).pem")
            let request = fixture.directory.path("request.pem")
            let extensions = try fixture.directory.write(OpenSSLCertificates.service, to: "extensions")
            for arguments in [
                [
                    "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", "/dev/null",
                    "-subj", "/CN=x", "-out", request,
                ],
                [
                    "x509", "-req", "-in", request, "-CA", fixture.directory.path("certs/ca.pem"), "-CAkey",
                    fixture.directory.path("certs/ca-key.pem"),
                    "-set_serial", "0x\(serial)", "-days", "365", "-extfile", extensions, "-out", file,
                ],
            ] {
                let result = try Shell.run("openssl", arguments)
                #expect(result.succeeded, "\(result)")
            }
            return "\(name).pem"
        }
        for serial in ["00", String(repeating: "7f", count: 64), "ff" + String(repeating: "0a", count: 63)] {
            let file = try make(serial, as: "foreign")
            #expect(try fixture.certificates(file).map(\.serialHex) == [serial])
            #expect(try fixture.verdict(file) == nil)
            #expect(try fixture.authority.revoke(serial: serial, at: fixture.now).entries.map(\.serialHex) == [serial])
            #expect(try fixture.verdict(file) == .revoked)
        }
        let longer = String(repeating: "7f", count: 65)
        let file = try make(longer, as: "longer")
        #expect(throws: CryptoError(.malformedCertificate, "")) { try fixture.certificates(file) }
        let error = #expect(throws: PKIError(.invalidName, "")) {
            try fixture.authority.revoke(serial: longer, at: fixture.now)
        }
        #expect(error?.hint?.contains("64 bytes") == true)
    }

    @Test func refusesToRevokeWhatIsNotThere() throws {
        let fixture = try AuthorityFixture()
        let root = try #require(fixture.certificates("ca.pem").first)
        let before = try fixture.directory.read("certs/crl.pem")
        #expect(throws: PKIError(.unknownCertificate, "")) {
            try fixture.authority.revoke("nobody", at: fixture.now)
        }
        #expect(throws: PKIError(.unknownCertificate, "")) {
            try fixture.authority.revoke(serial: root.serialHex, at: fixture.now)
        }
        try fixture.issue("user-svc", days: 1)
        #expect(throws: PKIError(.unknownCertificate, "")) {
            try fixture.authority.revoke("user-svc", at: fixture.day(1))
        }
        // A certificate of somebody else in a service's folder is not ours to revoke.
        try fixture.directory.write(TestAuthority("Somebody").issue("foreign").chainPEM, to: "certs/foreign/cert.pem")
        #expect(throws: PKIError(.unknownCertificate, "")) {
            try fixture.authority.revoke("foreign", at: fixture.now)
        }
        #expect(try fixture.directory.read("certs/crl.pem") == before)
    }

    @Test func aListWithoutItsPastIsNotMadeUp() throws {
        let fixture = try AuthorityFixture()
        try fixture.issue("user-svc")
        let pem = try fixture.directory.read("certs/crl.pem")
        for content in [nil, "gibberish", String(decoding: pem + pem, as: UTF8.self), try TestAuthority().revocationList().pem] {
            try FileManager.default.removeItem(atPath: fixture.directory.path("certs/crl.pem"))
            if let content { try fixture.directory.write(content, to: "certs/crl.pem") }
            #expect(throws: PKIError(.malformed, "")) { try fixture.authority.renewRevocationLists(at: fixture.now) }
            #expect(throws: PKIError(.malformed, "")) {
                try fixture.authority.revoke("user-svc", at: fixture.now)
            }
            try fixture.directory.write(pem, to: "certs/crl.pem")
        }
        #expect(try fixture.authority.renewRevocationLists(at: fixture.now).lists.map(\.number) == [2])
    }

    @Test func aRenewedListKeepsWhatItSaysAndCountsOn() throws {
        let fixture = try AuthorityFixture(intermediate: "Link Issuing CA")
        let bad = try fixture.issue("thief").certificate
        _ = try fixture.authority.revoke("thief", at: fixture.now)
        #expect(try fixture.verdict("thief/cert.pem", at: fixture.day(2)) == .revocationListExpired)
        let lists = try fixture.authority.renewRevocationLists(at: fixture.day(2), validFor: 7 * 86_400).lists
        #expect(lists.map(\.number) == [3, 3])
        #expect(lists.map(\.nextUpdate) == [fixture.day(9), fixture.day(9)])
        #expect(lists.map(\.thisUpdate) == [fixture.day(2).adding(seconds: -300), fixture.day(2).adding(seconds: -300)])
        #expect(lists.map { $0.revoked.map(\.serialHex) } == [[], [bad.serialHex]])
        #expect(lists.last?.revoked.map(\.revokedAt) == [fixture.now])
        #expect(try fixture.verdict("thief/cert.pem", at: fixture.day(8)) == .revoked)
        #expect(throws: PKIError(.invalidName, "")) {
            try fixture.authority.renewRevocationLists(at: fixture.day(2), validFor: 0)
        }
    }

    @Test func forgetsARevokedCertificateOnlyAfterAListThatOutlivedIt() throws {
        let fixture = try AuthorityFixture()
        let bad = try fixture.issue("thief", days: 2).certificate
        _ = try fixture.authority.revoke("thief", at: fixture.now)
        func serials(_ day: Int64) throws -> [String] {
            try fixture.authority.renewRevocationLists(at: fixture.day(day)).lists.flatMap { $0.revoked.map(\.serialHex) }
        }
        #expect(try serials(1) == [bad.serialHex])
        #expect(try serials(3) == [bad.serialHex])
        #expect(try serials(4) == [])
    }

    /// The end of a certificate says something of those of its own authority only, whatever authority has the same name.
    @Test func forgetsNothingForTheEndOfAnotherAuthoritysCertificate() throws {
        let fixture = try AuthorityFixture()
        let foreign = try AuthorityFixture().issue("user-svc", days: 2).certificate
        _ = try fixture.authority.revoke(serial: foreign.serialHex, at: fixture.now)
        try fixture.directory.write(foreign.pem, to: "certs/user-svc/cert.pem")
        #expect(foreign.issuer == (try fixture.certificates("ca.pem").first?.subject))
        for day: Int64 in [1, 3, 4] {
            let lists = try fixture.authority.renewRevocationLists(at: fixture.day(day)).lists
            #expect(lists.flatMap { $0.revoked.map(\.serialHex) } == [foreign.serialHex])
        }
    }

    @Test func anAuthorityWhoseKeyIsElsewhereKeepsItsListWhileItHolds() throws {
        let fixture = try AuthorityFixture(intermediate: "Link Issuing CA")
        _ = try fixture.authority.renewRevocationLists(at: fixture.now, validFor: 30 * 86_400)
        try FileManager.default.removeItem(atPath: fixture.directory.path("certs/ca-key.pem"))
        let renewed = try fixture.authority.renewRevocationLists(at: fixture.day(5))
        #expect(renewed.lists.map(\.number) == [2, 3])
        let root = try #require(fixture.certificates("ca.pem").first)
        #expect(renewed.unsigned.map(\.issuer) == [root.subject])
        let middle = try #require(fixture.certificates("intermediate.pem").first)
        #expect(throws: PKIError(.keyUnavailable, "")) {
            try fixture.authority.revoke(serial: middle.serialHex, at: fixture.day(5))
        }
        #expect(throws: PKIError(.keyUnavailable, "")) { try fixture.authority.renewRevocationLists(at: fixture.day(30)) }

        try FileManager.default.removeItem(atPath: fixture.directory.path("certs/intermediate-key.pem"))
        // A file that is replaced is another one.
        let file = fixture.directory.path("certs/crl.pem")
        let before = try #require(try FileManager.default.attributesOfItem(atPath: file)[.systemFileNumber] as? NSNumber)
        #expect(throws: PKIError(.keyUnavailable, "")) { try fixture.authority.renewRevocationLists(at: fixture.day(5)) }
        #expect(try FileManager.default.attributesOfItem(atPath: file)[.systemFileNumber] as? NSNumber == before)
    }
}
