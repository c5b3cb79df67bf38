import CountersignJSON
import CountersignTesting
import Testing

/// `countersign pki ...`, with openssl as the second opinion on everything it writes.
@Suite(.serialized) struct PKICommandTests {
    let files: TestDirectory

    init() throws {
        files = try TestDirectory()
    }

    private func pki(_ arguments: String...) throws -> Shell.Result {
        try Program.run(["pki"] + arguments + ["--dir", "certs"], in: files)
    }

    private func verdict(_ certificate: String, _ more: String...) throws -> Shell.Result {
        try Program.run(["pki", "verify", certificate, "--ca", "certs/ca.pem", "--crl", "certs/crl.pem"] + more, in: files)
    }

    /// What openssl thinks of a service's certificate, sent with its chain.
    private func openssl(_ service: String, purpose: String = "sslclient", intermediates: String? = nil) throws -> Shell.Result {
        let certificate = files.path("certs/\(service)/cert.pem")
        return try Shell.run(
            "openssl",
            [
                "verify", "-x509_strict", "-crl_check_all", "-CAfile", files.path("certs/ca.pem"), "-CRLfile",
                files.path("certs/crl.pem"), "-purpose", purpose,
            ] + (intermediates.map { ["-untrusted", $0] } ?? []) + [certificate]
        )
    }

    @Test(arguments: [nil, "Link Issuing CA"]) func makesWhatOpensslAccepts(intermediate: String?) throws {
        let options = intermediate.map { ["--intermediate", $0] } ?? []
        let made = try Program.run(["pki", "init", "--dir", "certs", "--trust-domain", "link.internal"] + options, in: files)
        #expect(made.succeeded, "\(made)")
        let issued = try pki("issue", "user-svc", "--dns", "localhost", "--ip", "127.0.0.1")
        #expect(issued.succeeded, "\(issued)")
        for purpose in ["sslclient", "sslserver"] {
            let result = try openssl(
                "user-svc", purpose: purpose, intermediates: intermediate == nil ? nil : files.path("certs/user-svc/cert.pem")
            )
            #expect(result.succeeded, "\(result)")
        }
        #expect(try verdict("certs/user-svc/cert.pem").succeeded)
        #expect(try verdict("certs/user-svc/cert.pem", "--purpose", "server").succeeded)
        for file in try files.contents(of: "certs") where file.hasSuffix(".pem") {
            #expect(try files.mode("certs/\(file)") == (file.hasSuffix("key.pem") ? 0o600 : 0o644), "\(file)")
        }

        let names = try Shell.run(
            "openssl", "x509", "-in", files.path("certs/user-svc/cert.pem"), "-noout", "-subject", "-nameopt", "RFC2253", "-ext",
            "subjectAltName"
        ).standardOutput
        for name in [
            "CN=user-svc.link.internal,O=Link Service", "DNS:user-svc.link.internal", "DNS:user-svc,", "DNS:user-svc.link.local",
            "URI:spiffe://link.internal/service/user-svc", "DNS:localhost", "IP Address:127.0.0.1",
        ] {
            #expect(names.contains(name), "\(names)")
        }
        let list = try Shell.run(
            "openssl", "crl", "-in", files.path("certs/crl.pem"), "-noout", "-CAfile", files.path("certs/ca.pem"), "-verify"
        )
        #expect("\(list)".contains("verify OK"), "\(list)")
    }

    @Test func revokesWhatOpensslThenRefuses() throws {
        #expect(try pki("init", "--trust-domain", "link.internal").succeeded)
        for service in ["user-svc", "search-svc"] { #expect(try pki("issue", service).succeeded) }
        let revoked = try pki("revoke", "user-svc")
        #expect(revoked.succeeded, "\(revoked)")
        #expect(try openssl("search-svc").succeeded)
        let refused = try openssl("user-svc")
        #expect(!refused.succeeded)
        #expect("\(refused)".contains("certificate revoked"), "\(refused)")

        let ours = try verdict("certs/user-svc/cert.pem")
        #expect(ours.exitCode == 1)
        #expect(ours.standardOutput == "certificate-revoked")
        #expect(try verdict("certs/search-svc/cert.pem").succeeded)
        // A list signed anew still says so.
        #expect(try pki("crl", "--valid-for", "7d").succeeded)
        #expect(try verdict("certs/user-svc/cert.pem").standardOutput == "certificate-revoked")
        let again = try pki("issue", "user-svc")
        #expect(again.succeeded, "\(again)")
        #expect(try openssl("user-svc").succeeded)
    }

    @Test func tellsWhatIsAboutToEndAndWhatIsNotThere() throws {
        let missing = try pki("issue", "user-svc")
        #expect(missing.exitCode == 78, "\(missing)")
        #expect(missing.hint.contains("countersign pki init"), "\(missing)")
        #expect(try pki("init", "--trust-domain", "link.internal").succeeded)
        #expect(try pki("init", "--trust-domain", "link.internal").exitCode == 1)
        #expect(try pki("issue", "user-svc", "--days", "20").succeeded)
        let alarm = try pki("status")
        #expect(alarm.exitCode == 1, "\(alarm)")
        #expect(alarm.error.contains("user-svc"))
        #expect(try pki("status", "--alert-days", "10").succeeded)
        let json = try JSONReader.parseObject(try pki("status", "--alert-days", "10", "--json").output)
        #expect(json["needsAttention"] == .bool(false))
        for name in ["", "Capital", "two words", "../up", "a/b", "-dash"] {
            let result = try Program.run(["pki", "issue", "--dir", "certs", "--", name], in: files)
            #expect(result.exitCode == 64, "\(name): \(result)")
        }
    }
}
