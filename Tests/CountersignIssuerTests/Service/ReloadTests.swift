import CountersignCrypto
import Foundation
import Testing

@testable import CountersignIssuer

extension RunningIssuer {
    fileprivate func ready() async throws -> CurlAnswer {
        try await Curl.run(["http://127.0.0.1:\(operationsPort)/readyz"])
    }
}

extension IssuerFolder {
    /// Replaces the revocation list by one with the certificate of `name` on it.
    fileprivate func revoke(_ name: String, until nextUpdate: Timestamp? = nil) throws {
        let text = try Data(contentsOf: URL(fileURLWithPath: folder.path("\(name).pem")))
        let certificate = try #require(Certificate.parsePEM(Array(text)).first)
        let now = Timestamp.now()
        let list = try CertificateRevocationList.issue(
            revoked: [.init(serialNumber: certificate.serialNumber, revokedAt: now)], number: 2,
            thisUpdate: now.adding(seconds: -60), nextUpdate: nextUpdate ?? now.adding(seconds: 3600), by: pki.certificate,
            key: pki.key
        )
        try folder.write(list.pem, to: "crl.pem", mode: 0o644)
    }
}

@Suite("A running issuer")
struct ReloadTests {
    @Test("takes over a changed policy")
    func policy() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            #expect(try await issuer.token(RunningIssuer.goodForm, as: "stranger").status == 401)
            try issuer.files.writeConfiguration(
                services: """
                    services:
                      - id: stranger-svc
                        subject: CN=stranger,O=Link Service
                        audiences: { search-svc: { roles: [guest] } }
                    """
            )
            _ = try await issuer.log.line(with: "configuration reloaded", "services=1")
            #expect(try await issuer.token(RunningIssuer.goodForm, as: "stranger").status == 200)
            #expect(try await issuer.token(RunningIssuer.goodForm, as: "user-svc").status == 401)
        }
    }

    @Test("takes over changes of a large file, also one that leaves its length")
    func largeFile() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let padding = String(repeating: "# padding\n", count: 120_000)
            let write = { (services: String) in try issuer.files.writeConfiguration(services: services + "\n" + padding) }
            let entry = { (id: String) in "  - { id: \(id), subject: 'CN=\(id),O=Link Service' }" }
            try write("services:\n" + entry("first"))
            _ = try await issuer.log.line(with: "configuration reloaded", "services=1")
            try write("services:\n" + entry("first") + "\n" + entry("other"))
            _ = try await issuer.log.line(with: "configuration reloaded", "services=2")
            try write("services:\n" + entry("first") + "\n" + entry("a b c"))
            _ = try await issuer.log.line(with: "configuration not reloaded", "services[1].id")
        }
    }

    @Test("keeps its policy when the file is broken, says every fault once, and recovers")
    func broken() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            try issuer.files.writeConfiguration(services: "services:\n  - id: a b\n  - {}")
            let line = try await issuer.log.line(with: "configuration not reloaded", "services[0].id")
            #expect(line.contains("countersign.yaml:12: "))
            _ = try await issuer.log.line(with: "configuration not reloaded", "services[1] needs a subject")
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 200)
            try issuer.files.writeConfiguration()
            _ = try await issuer.log.line(with: "configuration reloaded")
            #expect(issuer.log.all.components(separatedBy: "services[0].id").count == 2)
        }
    }

    @Test("keeps its policy while the file is gone, and says so once")
    func gone() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            try FileManager.default.removeItem(atPath: issuer.files.folder.path("countersign.yaml"))
            _ = try await issuer.log.line(with: "configuration not reloaded", "there is no such file")
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 200)
            try issuer.files.writeConfiguration(services: "services: []")
            _ = try await issuer.log.line(with: "configuration reloaded", "services=0")
            #expect(issuer.log.all.components(separatedBy: "there is no such file").count == 2)
        }
    }

    @Test("says what only a restart can change, and takes over the rest")
    func restartOnly() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            try issuer.files.writeConfiguration(issuer: "https://127.0.0.1:1", listen: "127.0.0.1:1", services: "services: []")
            _ = try await issuer.log.line(with: "warning", "issuer was changed in the configuration")
            _ = try await issuer.log.line(with: "warning", "listen was changed in the configuration")
            _ = try await issuer.log.line(with: "configuration reloaded", "services=0")
            let metadata = try await issuer.ask("/.well-known/oauth-authorization-server")
            #expect(metadata.text("issuer") == "https://localhost:8443")
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 401)
        }
    }

    @Test("keeps its certificate when the new one does not fit or does not name the issuer, and takes over one that does")
    func certificates() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            try issuer.files.folder.write("no certificate", to: "issuer.pem")
            _ = try await issuer.log.line(with: "TLS files not reloaded", "reason=malformed-certificate", "issuer.pem")
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 200)
            #expect(try await issuer.ready().body == Self.stale)
            try issuer.files.writeIssuerCertificate(names: [.dns("elsewhere")])
            _ = try await issuer.log.line(with: "TLS files not reloaded", "reason=certificate-name", "does not name localhost")
            // The client checks the name: with the new certificate it would not talk to the issuer.
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 200)
            let stale = try await issuer.ready()
            #expect(stale.status == 200)
            #expect(stale.body == Self.stale)
            #expect(!issuer.log.all.contains("TLS files reloaded"))
            try issuer.files.writeIssuerCertificate()
            _ = try await issuer.log.line(with: "TLS files reloaded")
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 200)
            #expect(try await issuer.ready().body == Self.stale.replacing("stale", with: "ok"))
            #expect(issuer.log.all.components(separatedBy: "reason=certificate-name").count == 2)
        }
    }

    private static let stale = #"{"status":"ready","checks":{"keys":"ok","tls":"stale","crl":"ok","policy":"ok"}}"#

    @Test("refuses a revoked certificate although its own files are broken")
    func revocationBesideABrokenCertificate() async throws {
        try await RunningIssuer.run(try await IssuerFolder(crl: true)) { issuer in
            let kept = try KeptConnection(to: issuer, as: "user-svc")
            #expect(try await kept.token(RunningIssuer.goodForm).hasPrefix("HTTP/1.1 200"))
            try issuer.files.writeIssuerCertificate(names: [.dns("elsewhere")])
            _ = try await issuer.log.line(with: "TLS files not reloaded", "reason=certificate-name")
            #expect(try await kept.token(RunningIssuer.goodForm).hasPrefix("HTTP/1.1 200"))

            // The same failure is told once more, because the list was taken over.
            let told = issuer.log.all.components(separatedBy: "TLS files not reloaded").count
            try issuer.files.revoke("user-svc")
            try await eventually("told again") { issuer.log.all.components(separatedBy: "TLS files not reloaded").count > told }
            #expect(try await kept.token(RunningIssuer.goodForm).hasPrefix("HTTP/1.1 401"))
            _ = try await issuer.log.line(with: "token refused", "reason=certificate-revoked")
            // Known and not revoked, if without a grant.
            #expect(try await issuer.token(RunningIssuer.goodForm, as: "search-svc").status == 400)
            #expect(try await issuer.ready().body == Self.stale)
        }
    }

    @Test("takes over a list that has ended, says so and is not ready")
    func endedList() async throws {
        try await RunningIssuer.run(try await IssuerFolder(crl: true)) { issuer in
            #expect(try await issuer.ready().status == 200)
            try issuer.files.revoke("user-svc", until: .now().adding(seconds: -1))
            _ = try await issuer.log.line(with: "TLS files reloaded")
            _ = try await issuer.log.line(with: "clients are refused", "reason=crl-expired", "crl.pem")
            let ready = try await issuer.ready()
            #expect(ready.status == 503)
            #expect(ready.body == #"{"status":"not-ready","checks":{"keys":"ok","tls":"ok","crl":"failing","policy":"ok"}}"#)
            try issuer.files.revoke("user-svc")
            try await eventually("ready again") { try await issuer.ready().status == 200 }
            #expect(try await issuer.token(RunningIssuer.goodForm, as: "search-svc").status == 400)
        }
    }

    @Test("says once that a list has ended while no file was changed")
    func listThatEnds() async throws {
        try await RunningIssuer.run(try await IssuerFolder(crl: true)) { issuer in
            #expect(try await issuer.ready().status == 200)
            issuer.clock.advance(seconds: 3601)
            _ = try await issuer.log.line(with: "clients are refused", "reason=crl-expired", "crl.pem")
            #expect(try await issuer.ready().status == 503)
            // Several looks later.
            try issuer.files.writeConfiguration(crl: true, services: IssuerFolder.services + "\n")
            _ = try await issuer.log.line(with: "configuration reloaded")
            let told = issuer.log.all.split(separator: "\n").filter { $0.contains("clients are refused") }
            #expect(told.count == 1)
            #expect(!issuer.log.all.contains("TLS files reloaded"))
        }
    }

    @Test("says that its ring cannot be read, and is not ready when it cannot tell receivers any more that nothing is revoked")
    func unreadableRing() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let ring = issuer.files.folder.path("keys/keyring.json")
            let good = try text(of: ring)
            try write("{", to: ring)
            _ = try await issuer.log.line(with: "the key ring cannot be read")
            let stale = #"{"status":"ready","checks":{"keys":"stale","tls":"ok","crl":"ok","policy":"ok"}}"#
            #expect(try await issuer.ready().body == stale)
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 200)
            issuer.clock.advance(seconds: 121)
            let ready = try await issuer.ready()
            #expect(ready.status == 503)
            #expect(ready.body == stale.replacing("stale", with: "failing").replacing(#""ready""#, with: #""not-ready""#))
            try write(good, to: ring)
            _ = try await issuer.log.line(with: "a problem with the key ring is gone")
            try await eventually("ready again") { try await issuer.ready().body == stale.replacing("stale", with: "ok") }
        }
    }

    @Test("takes over a configuration as soon as the key ring can be changed, and says once that it waits")
    func waitsForTheRing() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let ring = issuer.files.folder.path("keys/keyring.json")
            let good = try text(of: ring)
            try write("{", to: ring)
            try issuer.files.writeConfiguration(services: "services: []\ntokens: { maxLifetime: 899s }")
            _ = try await issuer.log.line(with: "configuration not reloaded", "keyring.json")
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 200)
            try write(good, to: ring)
            _ = try await issuer.log.line(with: "configuration reloaded", "services=0")
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 401)
            #expect(issuer.log.all.components(separatedBy: "configuration not reloaded").count == 2)
        }
    }

    @Test("signs with a rotated key while requests go on")
    func rotation() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let before = try await issuer.ask("/.well-known/jwks.json")
            let store = FileKeyRingStore(directory: issuer.files.folder.path("keys"))
            let rotation = try await store.rotate(immediately: true, at: .now())
            _ = try await issuer.log.line(with: "another key signs", "kid=\(rotation.kid)")
            let after = try await issuer.ask("/.well-known/jwks.json")
            #expect(after.headers["etag"] != before.headers["etag"])
            #expect(after.body.contains("\(rotation.kid)"))
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 200)
            _ = try await issuer.log.line(with: "token issued", "kid=\(rotation.kid)")
        }
    }
}
