import CountersignCrypto
import CountersignPKI
import CountersignTesting
import Foundation
import Testing

/// A service may own its folder and put there what it likes; an operator may put a link where a command writes.
@Suite struct LinkTests {
    @Test(arguments: ["cert.pem", "key.pem", "backup"])
    func aLinkInAServicesFolderIsRefusedBeforeAnythingIsChanged(name: String) throws {
        let fixture = try AuthorityFixture()
        try fixture.issue("user-svc")
        try fixture.directory.write("a secret", to: "secret/file", mode: 0o600)
        let target = fixture.directory.path(name == "backup" ? "secret" : "secret/file")
        let link = fixture.directory.path("certs/user-svc/\(name)")
        if name != "backup" { try FileManager.default.removeItem(atPath: link) }
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
        let before = try fixture.directory.contents()

        let error = #expect(throws: PKIError(.malformed, "")) { try fixture.issue("user-svc") }
        #expect(error?.message.contains("\(link) is a symbolic link") == true, "\(error?.message ?? "")")
        #expect(error?.hint != nil)
        #expect(try fixture.directory.contents() == before)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)

        try FileManager.default.removeItem(atPath: link)
        try fixture.issue("user-svc")
        #expect(try fixture.directory.read("secret/file") == Array("a secret".utf8))
    }

    @Test func onlyCertificatesAreKeptAsCertificates() throws {
        let fixture = try AuthorityFixture()
        let first = try fixture.issue("user-svc").certificate
        try fixture.directory.write("a secret\n\(first.pem)another\n", to: "certs/user-svc/cert.pem")
        let kept = try #require(try fixture.issue("user-svc", at: fixture.day(1)).backups.first)
        #expect(try String(contentsOfFile: kept, encoding: .utf8) == first.pem)

        try fixture.directory.write("a secret\n", to: "certs/user-svc/cert.pem")
        let before = try fixture.directory.contents()
        let error = #expect(throws: PKIError(.malformed, "")) { try fixture.issue("user-svc") }
        #expect(error?.message.contains("certs/user-svc/cert.pem") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("secret") == false)
        #expect(try fixture.directory.contents() == before)
    }

    @Test func aLinkIsNotReplacedByTheNewLists() throws {
        let fixture = try AuthorityFixture()
        try fixture.issue("thief")
        let link = fixture.directory.path("certs/crl.pem")
        let target = try fixture.directory.write(try fixture.directory.read("certs/crl.pem"), to: "www/crl.pem")
        let before = try fixture.directory.read("www/crl.pem")
        try FileManager.default.removeItem(atPath: link)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "../www/crl.pem")
        for work in [
            { try fixture.authority.revoke("thief", at: fixture.now) },
            { try fixture.authority.renewRevocationLists(at: fixture.now) },
        ] as [() throws -> Any] {
            let error = #expect(throws: PKIError(.malformed, "")) { _ = try work() }
            #expect(error?.message.contains("\(link) is a symbolic link") == true, "\(error?.message ?? "")")
            #expect(error?.hint != nil)
        }
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "../www/crl.pem")
        #expect(try fixture.directory.read("www/crl.pem") == before)

        // The other way round nothing is cut off.
        try FileManager.default.removeItem(atPath: link)
        try FileManager.default.moveItem(atPath: target, toPath: link)
        try FileManager.default.createSymbolicLink(atPath: target, withDestinationPath: link)
        try fixture.authority.revoke("thief", at: fixture.now)
        #expect(try fixture.verdict("thief/cert.pem") == .revoked)
        #expect(try fixture.directory.read("www/crl.pem") == fixture.directory.read("certs/crl.pem"))
    }

    /// What an authority only reads may be a link, as secrets are often laid out; a new one replaces none.
    @Test func theAuthoritysOwnKeyMayBeALink() throws {
        let fixture = try AuthorityFixture()
        let key = fixture.directory.path("certs/ca-key.pem")
        try FileManager.default.moveItem(atPath: key, toPath: fixture.directory.path("ca-key.pem"))
        try FileManager.default.createSymbolicLink(atPath: key, withDestinationPath: "../ca-key.pem")
        try fixture.issue("user-svc")

        let directory = try TestDirectory()
        try FileManager.default.createSymbolicLink(atPath: directory.path("ca.pem"), withDestinationPath: "nowhere")
        #expect(throws: PKIError(.alreadyInitialised, "")) {
            try CertificateAuthority.create(in: directory.path, trustDomain: "link.internal", at: fixture.now)
        }
    }
}
