import CountersignCrypto
import CountersignPKI
import CountersignTesting
import Foundation
import Testing

/// Only what an authority signed itself is signed by it again.
@Suite struct ListSignatureTests {
    @Test(arguments: [nil, "Link Issuing CA"])
    func theListOfAnotherAuthorityOfTheSameNameIsRefused(intermediate: String?) throws {
        let fixture = try AuthorityFixture(intermediate: intermediate)
        let other = try AuthorityFixture(intermediate: intermediate)
        try fixture.issue("thief")
        try fixture.authority.revoke("thief", at: fixture.now)
        let own = try fixture.directory.read("certs/crl.pem")
        let foreign = try other.directory.read("certs/crl.pem")
        #expect(try other.lists().map(\.issuer) == fixture.lists().map(\.issuer))

        try fixture.directory.write(foreign, to: "certs/crl.pem")
        try expectRefusal(of: fixture)
        #expect(try fixture.directory.read("certs/crl.pem") == foreign)

        try fixture.directory.write(own, to: "certs/crl.pem")
        try fixture.authority.renewRevocationLists(at: fixture.now)
        #expect(try fixture.verdict("thief/cert.pem") == .revoked)
    }

    @Test func aListWithAnotherSignatureIsRefused() throws {
        let fixture = try AuthorityFixture()
        var bytes = try #require(fixture.lists().first).der
        let last = bytes.removeLast()
        bytes.append(last ^ 1)
        let text = Data(bytes).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        try fixture.directory.write("-----BEGIN X509 CRL-----\n\(text)\n-----END X509 CRL-----\n", to: "certs/crl.pem")
        #expect(try fixture.lists().map(\.der) == [bytes])
        try expectRefusal(of: fixture)
    }

    private func expectRefusal(of fixture: AuthorityFixture) throws {
        func expect(_ work: () throws -> Void) {
            let error = #expect(throws: PKIError(.malformed, "")) { try work() }
            #expect(error?.message.contains(fixture.directory.path("certs/crl.pem")) == true, "\(error?.message ?? "")")
            #expect(error?.message.contains("not signed by") == true, "\(error?.message ?? "")")
            #expect(error?.hint == "restore it from a backup")
        }
        expect { try fixture.authority.renewRevocationLists(at: fixture.now) }
        expect { try fixture.authority.revoke(serial: "0a", at: fixture.now) }
        expect { _ = try fixture.authority.status(at: fixture.now) }
        if FileManager.default.fileExists(atPath: fixture.directory.path("certs/intermediate.pem")) {
            expect { try fixture.issue("user-svc") }
        }
    }
}
