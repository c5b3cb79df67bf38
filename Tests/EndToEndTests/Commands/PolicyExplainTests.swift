import CountersignCrypto
import CountersignJSON
import CountersignTesting
import Testing

/// `countersign policy explain` answers as the issuer does, for it is the same code: the two are asked the same things here.
@Suite(.serialized, .runningIssuer) struct PolicyExplainTests {
    let issuer: RunningIssuer
    let files: TestDirectory

    init() throws {
        issuer = try #require(RunningIssuer.current)
        files = issuer.folder.files
    }

    private func explain(_ service: String, _ more: String...) throws -> Shell.Result {
        try Program.run(["policy", "explain", "certs/\(service)/cert.pem", "--config", "countersign.yaml"] + more, in: files)
    }

    @Test func showsTheClaimsThatTheIssuerWrites() throws {
        let result = try explain("user-svc", "--audience", "search-svc", "--json")
        #expect(result.succeeded, "\(result)")
        let json = try JSONReader.parseObject(result.output)
        #expect(json.string("service") == "user-svc")
        let explained = try #require(json["tokens"]?.array?.first?.object?.object("claims"))
        let issued = try IssuedToken(try Curl(issuer: issuer).token()).claims
        for name in issued.names where !["iat", "nbf", "exp", "jti"].contains(name) { #expect(explained[name] == issued[name]) }
    }

    @Test func showsEveryAudienceForPeople() throws {
        let text = try explain("user-svc").standardOutput
        for part in [
            "CN=user-svc.link.internal,O=Link Service", "spiffe://link.internal/service/user-svc",
            "user-svc (countersign.yaml:17)",
            "search-svc", "reader writer", "search:read search:write", "300 s", "https://orders.link.internal/",
        ] {
            #expect(text.contains(part), "\(part)")
        }
    }

    @Test(arguments: [
        ("user-svc", "nobody", "audience-not-granted", "invalid_target"),
        ("search-svc", "search-svc", "service-receives-only", "unauthorized_client"),
        ("stranger-svc", "search-svc", "service-unknown", "invalid_client"),
    ])
    func givesTheReasonThatTheIssuerLogs(service: String, audience: String, reason: String, error: String) async throws {
        let result = try explain(service, "--audience", audience)
        #expect(result.exitCode == 1, "\(result)")
        #expect(result.error.hasPrefix("\(reason): "))
        let mark = try issuer.mark()
        let answer = try Curl(issuer: issuer, service: service).token("grant_type=client_credentials&audience=\(audience)")
        #expect(answer.oauthError == error)
        let line = try await issuer.logs("token refused", "reason=\(reason)", since: mark).replacing("\\'", with: "'")
        #expect(line.contains(String(result.error.dropFirst(reason.count + 2))), "\(line)")
    }

    @Test func judgesTheCertificateToo() throws {
        let authority = issuer.folder.authority
        try files.write(try TestAuthority(at: .now()).issue("user-svc"), as: "certs/impostor")
        #expect(try explain("impostor").error.hasPrefix("certificate-untrusted: "))
        let later = try explain("user-svc", "--at", "\(authority.now.adding(seconds: 86_000))")
        #expect(later.exitCode == 1)
        #expect(["certificate-expired", "crl-expired"].contains { later.error.hasPrefix("\($0): ") }, "\(later)")

        let revoked = try authority.issue("user-svc")
        try files.write(revoked, as: "certs/revoked")
        try files.write(try authority.revocationList(revoking: [revoked.certificate]).pem, to: "certs/revoking.pem")
        let configuration = try issuer.folder.configuration(
            "revoking", replacing: ("crl: certs/crl.pem", "crl: certs/revoking.pem"))
        let result = try Program.run("policy", "explain", "certs/revoked/cert.pem", "--config", configuration, in: files)
        #expect(result.exitCode == 1)
        #expect(result.error.hasPrefix("certificate-revoked: "))
    }

    @Test func saysWhoIsDeniedWhereTheKeyRingCanBeRead() throws {
        let configuration = try issuer.folder.configuration("denying", replacing: ("directory: keys", "directory: denying"))
        let command = ["policy", "explain", "certs/user-svc/cert.pem", "--config", configuration, "--json"]
        let unknown = try Program.run(command, in: files)
        #expect(unknown.succeeded, "\(unknown)")
        #expect(unknown.standardError.hasPrefix("warning: who is denied is not known here, so that nobody is: "), "\(unknown)")
        #expect(try JSONReader.parseObject(unknown.output)["denialsKnown"] == .bool(false))

        try #require(try Program.run("keys", "init", "--keys", "denying", in: files).succeeded)
        let known = try Program.run(command, in: files)
        #expect(known.succeeded && known.standardError.isEmpty, "\(known)")
        #expect(try JSONReader.parseObject(known.output)["denialsKnown"] == .bool(true))

        try #require(try Program.run("deny", "add", "--service", "user-svc", "--keys", "denying", in: files).succeeded)
        let denied = try Program.run(command, in: files)
        #expect(denied.exitCode == 1)
        #expect(denied.error.hasPrefix("service-denied: "), "\(denied)")
    }

    @Test func namesAFileThatIsNoCertificate() throws {
        for name in ["countersign.yaml", "certs/gone.pem"] {
            let result = try Program.run("policy", "explain", name, "--config", "countersign.yaml", in: files)
            #expect(result.exitCode == 78)
            #expect(result.error.contains(name))
        }
    }
}
