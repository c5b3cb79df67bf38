import CountersignCrypto
import CountersignJSON
import CountersignTesting
import Foundation
import Testing

/// `countersign agent` beside a running issuer: files, socket, reload, and an issuer that goes away.
@Suite(.serialized) struct AgentTests {
    private let place: AgentFolder

    init() throws {
        place = try AgentFolder()
    }

    private var folder: IssuerFolder { place.folder }
    private var files: TestDirectory { place.files }

    @Test(.timeLimit(.minutes(3))) func keepsFilesFreshAndWholeAndSaysSo() async throws {
        let issuer = try await place.issuer(lifetime: "6s")
        let agent = try await place.start(
            issuer,
            tokens: """
                  - audience: search-svc
                    file: search.token
                    onChange: [sh, -c, 'echo "$COUNTERSIGN_AUDIENCE $COUNTERSIGN_FILE" >> changes']
                  - { audience: billing-svc, file: billing.header, form: header }
                """)
        try await eventually("both files") {
            (try? place.text("search.token")) != nil && (try? place.text("billing.header")) != nil
        }
        #expect(try files.mode("search.token") == 0o600)
        #expect(try place.text("billing.header").hasPrefix("Authorization: Bearer eyJhbGciOi"))
        // Whoever reads at any moment reads a whole token.
        var seen: Set<String> = []
        try await eventually("three tokens, one after the other") {
            let token = try place.text("search.token")
            #expect(token.split(separator: ".").count == 3)
            _ = try IssuedToken(token)
            seen.insert(token)
            return seen.count >= 3
        }
        #expect(try files.mode("search.token") == 0o600)
        try await eventually("the command was run for each") {
            (try? place.text("changes"))?.split(separator: "\n").count ?? 0 >= 3
        }
        #expect(
            try place.text("changes").split(separator: "\n").allSatisfy {
                $0.hasPrefix("search-svc /") && $0.hasSuffix("/search.token")
            })
        #expect(try await agent.stop() == 0)
        #expect(try files.contents().filter { $0.hasSuffix(".new") } == [])
        #expect(!FileManager.default.fileExists(atPath: files.path("agent.sock")))
        #expect(try await issuer.stop() == 0)
    }

    @Test(.timeLimit(.minutes(3))) func answersOnItsSocketAndOnlyForWhatItKeeps() async throws {
        let issuer = try await place.issuer()
        let agent = try await place.start(
            issuer,
            tokens: """
                  - audience: search-svc
                  - { audience: search-svc, scopes: [search:read] }
                  - audience: nobody-svc
                """)
        let all = try place.ask("/token?audience=search-svc")
        #expect(all.status == 200)
        #expect(try IssuedToken(all.json.string("access_token") ?? "").claims.string("scope") == "search:read search:write")
        #expect((1...300).contains(all.json.integer("expires_in") ?? 0))
        let some = try place.ask("/token?audience=search-svc&scope=search%3Aread")
        #expect(try IssuedToken(some.json.string("access_token") ?? "").claims.string("scope") == "search:read")
        for path in ["/token?audience=mail-svc", "/token?audience=search-svc&scope=search%3Awrite", "/elsewhere"] {
            #expect(try place.ask(path).status == 404, "\(path)")
        }
        for path in ["/token", "/token?audience=a&audience=b"] { #expect(try place.ask(path).status == 400, "\(path)") }
        let refused = try place.ask("/token?audience=nobody-svc")
        #expect(refused.status == 502)
        #expect(refused.json.string("error") == "invalid_target")

        // One of three is missing.
        let status = try place.ask("/status").json
        #expect(status.string("status") == "not-ready")
        #expect(status.object("certificate")?.string("serial") == (try folder.certificate("user-svc")).serialHex)
        #expect(try place.ask("/readyz").status == 503)
        let probes = try await agent.logs("listening for probes").split(separator: "=").last.map(String.init) ?? ""
        #expect(try Shell.run("curl", "--silent", "--noproxy", "*", "\(probes)/livez").standardOutput == #"{"status":"live"}"#)
        #expect(
            try Shell.run("curl", "--silent", "--noproxy", "*", "\(probes)/token?audience=search-svc").standardOutput.contains(
                "eyJhbGciOi") == false)
        #expect(!agent.log.contains("eyJhbGciOi"))
        #expect(try await agent.stop() == 0)
        #expect(try await issuer.stop() == 0)
    }

    @Test(.timeLimit(.minutes(3)), .enabled(if: geteuid() == 0, "only root can be somebody else"))
    func refusesOtherUsersWhateverTheModeOfTheSocket() async throws {
        let issuer = try await place.issuer()
        let agent = try await place.start(issuer, tokens: "  - audience: search-svc")
        // The folder is the agent's own; the socket alone is to decide.
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: files.path)
        func asNobody() throws -> String {
            try Shell.run(
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "curl", "--silent", "--noproxy", "*",
                "--max-time", "30",
                "--unix-socket", files.path("agent.sock"), "http://agent/token?audience=search-svc"
            ).standardOutput
        }
        // Cut off: there is not even an answer.
        #expect(try asNobody() == "")
        try await agent.logs("refused on the socket", "user=65534")
        // Until it is allowed.
        try folder.replace(
            "agent.yaml",
            with: place.configuration(issuer, tokens: "  - audience: search-svc")
                .replacing("{ path: agent.sock }", with: "{ path: agent.sock, users: [65534] }"))
        agent.send(SIGHUP)
        try await agent.logs("notice reloaded tokens=1")
        #expect(try asNobody().contains("access_token"))
        #expect(try await agent.stop() == 0)
        #expect(try await issuer.stop() == 0)
    }

    @Test(.timeLimit(.minutes(3))) func takesAnotherConfigurationOverAndKeepsTheOldWhenItIsWrong() async throws {
        let issuer = try await place.issuer()
        let agent = try await place.start(issuer, tokens: "  - audience: search-svc")
        #expect(try place.ask("/token?audience=billing-svc").status == 404)
        try folder.replace(
            "agent.yaml",
            with: place.configuration(issuer, tokens: "  - audience: search-svc\n  - { audience: billing-svc, file: b.token }"))
        agent.send(SIGHUP)
        try await agent.logs("notice reloaded tokens=2")
        try await eventually("the new file") { (try? place.text("b.token")) != nil }
        #expect(try place.ask("/token?audience=billing-svc").status == 200)
        try folder.replace("agent.yaml", with: "tokens: nonsense")
        agent.send(SIGHUP)
        try await agent.logs("not reloaded")
        #expect(try place.ask("/token?audience=billing-svc").status == 200)
        #expect(try await agent.stop() == 0)
        #expect(try await issuer.stop() == 0)
    }

    @Test(.timeLimit(.minutes(3))) func followsTheCertificateAndOutlivesTheIssuer() async throws {
        let issuer = try await place.issuer()
        let agent = try await place.start(issuer, tokens: "  - { audience: search-svc, file: search.token }")
        try await eventually("a token") { (try? place.text("search.token")) != nil }
        let binding = { try IssuedToken(try place.text("search.token")).claims.object("cnf")?.string("x5t#S256") }
        let old = try binding()
        try files.write(try folder.authority.issue("user-svc"), as: "certs/user-svc")
        try await eventually("a token for the new certificate") { try binding() != old }
        #expect(try await issuer.stop() == 0)
        // Nobody is there any more, and there is a token all the same.
        agent.send(SIGHUP)
        try await agent.logs("notice reloaded tokens=1")
        #expect(try place.ask("/token?audience=search-svc").status == 200)
        #expect(try place.ask("/readyz").status == 200)
        #expect(try await agent.stop() == 0)
    }

    @Test func saysEverythingThatIsWrongWithAConfiguration() throws {
        try files.write(
            """
            issuer: https://localhost
            issuers: []
            tls: { certificate: certs/user-svc/cert.pem, ca: certs/ca.pem }
            operations: nowhere
            tokens:
              - audience: a
                form: xml
                file: a
              - { audience: a, file: a }
              - { file: b }
              - { audience: c, owner: root }
            """, to: "wrong.yaml")
        let result = try Program.run("agent", "--config", "wrong.yaml", in: files)
        #expect(result.exitCode == 78)
        for line in [
            "wrong.yaml:1: unknown key 'issuer' (did you mean 'issuers'?)",
            "wrong.yaml:2: issuers must name at least one address",
            "missing key 'tls.privateKey'", "operations must be host:port", "tokens.form must be one of token, header, json",
            "the same audience and scopes are listed twice", "two tokens are to be written to", "missing key 'tokens.audience'",
            "owner has no meaning without file",
        ] {
            #expect(result.standardError.contains(line), "\(line) is not in:\n\(result.standardError)")
        }
        try files.write(
            "issuers: [https://localhost]\ntls: { certificate: certs/user-svc/cert.pem, privateKey: certs/user-svc/key.pem, ca: certs/ca.pem }\ntokens: [{ audience: a }]",
            to: "right.yaml")
        let right = try Program.run("agent", "--config", "right.yaml", "--check", in: files)
        #expect(right.succeeded, "\(right)")
        for (old, new) in [("[{ audience: a }]", "[{ audience: a, file: x, owner: no-such-user }]"), ("https://", "http://")] {
            try files.write(try place.text("right.yaml").replacing(old, with: new), to: "wrong.yaml")
            let result = try Program.run("agent", "--config", "wrong.yaml", in: files)
            #expect(result.exitCode == 78, "\(result)")
        }
    }
}
