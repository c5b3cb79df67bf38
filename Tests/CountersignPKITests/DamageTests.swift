import CountersignCrypto
import CountersignPKI
import CountersignTesting
import Foundation
import Testing

/// One bad file stops what concerns it, and never the revocation of something else.
@Suite struct DamageTests {
    @Test func aBadFileOfOneServiceStopsOnlyThatService() throws {
        let fixture = try AuthorityFixture()
        let bad = try fixture.issue("user-svc").certificate
        try fixture.directory.write("", to: "certs/readme")
        try fixture.directory.write("gibberish", to: "certs/other/cert.pem")
        try fixture.issue("third")
        try fixture.directory.write("gibberish", to: "certs/third/backup/1-cert.pem")

        let unreadable = ["certs/other/cert.pem", "certs/third/backup/1-cert.pem"].map(fixture.directory.path)
        #expect(try fixture.authority.renewRevocationLists(at: fixture.now).unreadable.map(\.file) == unreadable)
        try fixture.authority.revoke(serial: "0a", at: fixture.now)
        #expect(try fixture.authority.revoke("user-svc", at: fixture.now).unreadable.map(\.file) == unreadable)
        #expect(try fixture.lists().flatMap(\.revoked).map(\.serialHex) == ["0a", bad.serialHex])

        let before = try fixture.directory.read("certs/crl.pem")
        for (service, file) in [("other", "other/cert.pem"), ("third", "third/backup/1-cert.pem")] {
            let error = #expect(throws: PKIError(.malformed, "")) { try fixture.authority.revoke(service, at: fixture.now) }
            #expect(error?.message.contains("certs/\(file)") == true, "\(error?.message ?? "")")
            #expect(error?.hint?.contains("--serial") == true)
        }
        #expect(try fixture.directory.read("certs/crl.pem") == before)
    }

    /// A command that was killed leaves what it had not given its name yet, private keys too.
    @Test func theNextCommandRemovesWhatAKilledOneLeft() throws {
        for work in [
            { fixture in _ = try fixture.issue("other") },
            { fixture in _ = try fixture.authority.revoke("user-svc", at: fixture.now) },
            { fixture in _ = try fixture.authority.renewRevocationLists(at: fixture.now) },
        ] as [(AuthorityFixture) throws -> Void] {
            let fixture = try AuthorityFixture()
            try fixture.issue("user-svc")
            try fixture.issue("user-svc")
            let folders = ["certs", "certs/user-svc", "certs/user-svc/backup"]
            for folder in folders {
                for name in [".countersign-1a2b.new", ".countersign-kept", "kept.new"] {
                    try fixture.directory.write("left", to: "\(folder)/\(name)", mode: 0o600)
                }
            }
            try work(fixture)
            for folder in folders {
                let names = try fixture.directory.contents(of: folder)
                #expect(!names.contains(".countersign-1a2b.new"), "\(folder)")
                #expect(names.contains(".countersign-kept") && names.contains("kept.new"), "\(folder)")
            }
        }
    }
}
