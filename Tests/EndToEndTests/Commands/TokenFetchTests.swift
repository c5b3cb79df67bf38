import CountersignCrypto
import CountersignJSON
import CountersignTesting
import Testing

/// `countersign token fetch` against a running issuer, and every way in which it can go wrong.
@Suite(.serialized, .runningIssuer) struct TokenFetchTests {
    let issuer: RunningIssuer
    let files: TestDirectory

    init() throws {
        issuer = try #require(RunningIssuer.current)
        files = issuer.folder.files
    }

    private func fetch(_ options: [String: String] = [:], _ more: String...) throws -> Shell.Result {
        var all = [
            "--issuer": "https://127.0.0.1:\(issuer.port)", "--cert": "certs/user-svc/cert.pem",
            "--key": "certs/user-svc/key.pem",
            "--ca": "certs/ca.pem", "--audience": "search-svc",
        ]
        all.merge(options) { $1 }
        return try Program.run(
            ["token", "fetch"] + all.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] } + more, in: files)
    }

    @Test func printsATokenThatVerifies() throws {
        let fetched = try fetch()
        #expect(fetched.succeeded, "\(fetched)")
        try files.write(try Program.run("keys", "jwks", "--keys", "keys", in: files).output, to: "jwks.json")
        let verified = try Program.run(
            "token", "verify", "-", "--jwks", "jwks.json", "--issuer", IssuerFolder.issuer, "--audience", "search-svc",
            "--certificate", "certs/user-svc/cert.pem", "--ca", "certs/ca.pem", "--crl", "certs/crl.pem", "--allow",
            "CN=user-svc.link.internal,O=Link Service", input: fetched.standardOutput, in: files
        )
        #expect(verified.succeeded, "\(verified)")
        #expect(try JSONReader.parseObject(verified.output).strings("roles") == ["reader", "writer"])
    }

    @Test func printsJSONOrAnAuthorizationField() throws {
        let json = try JSONReader.parseObject(try fetch(["--output": "json"]).output)
        #expect(json.names == ["access_token", "token_type", "expires_in", "refresh_in", "scope"])
        let header = try fetch(["--output": "header", "--scope": "search:read"]).standardOutput
        #expect(header.hasPrefix("Authorization: Bearer eyJhbGciOi"))
        let token = try IssuedToken(String(header.split(separator: " ").last ?? ""))
        #expect(token.claims.string("scope") == "search:read")
    }

    @Test func saysThatNobodyListens() async throws {
        let port = try await RawConnection.freePort()
        let result = try fetch(["--issuer": "https://127.0.0.1:\(port)"])
        #expect(result.exitCode == 70, "\(result)")
        #expect(result.error.contains("https://127.0.0.1:\(port)"))
        #expect(result.error.contains("nothing listens there"))
        #expect(result.hint == "check the address, and whether the issuer is running")
    }

    @Test func saysThatTheOtherSideDoesNotSpeakTLS() throws {
        let result = try fetch(["--issuer": "https://\(issuer.operations.dropFirst("http://".count))"])
        #expect(result.exitCode == 70, "\(result)")
        #expect(result.error.contains("does not speak TLS"))
        #expect(result.hint == "check the port")
    }

    @Test func saysThatTheIssuerIsNotTrusted() throws {
        try files.write(try TestAuthority("Other CA", at: .now()).certificate.pem, to: "other-ca.pem")
        let result = try fetch(["--ca": "other-ca.pem"])
        #expect(result.exitCode == 70, "\(result)")
        #expect(result.error.contains("we do not trust the certificate of https://127.0.0.1:\(issuer.port)"))
        #expect(result.hint.contains("CA file"))
    }

    @Test func saysThatTheIssuerHasAnotherName() async throws {
        let folder = issuer.folder
        try files.write(try folder.authority.issue("issuer", names: [.dns(IssuerFolder.host)]), as: "certs/named")
        let other = try await RunningIssuer.start(
            folder, configuration: try folder.configuration("named", replacing: ("certs/issuer/", "certs/named/"))
        )
        let result = try fetch(["--issuer": "https://127.0.0.1:\(other.port)"])
        #expect(result.exitCode == 70, "\(result)")
        #expect(result.error.contains("for another host name"))
        #expect(result.hint.contains("a name that is in the issuer's certificate"))
        #expect(try await other.stop() == 0)
    }

    @Test func saysThatTheCertificateIsRefused() throws {
        let other = try TestAuthority(at: .now()).issue("user-svc")
        try files.write(other, as: "certs/impostor")
        let result = try fetch(["--cert": "certs/impostor/cert.pem", "--key": "certs/impostor/key.pem"])
        #expect(result.exitCode == 1, "\(result)")
        #expect(
            result.error.contains(
                "refused our certificate CN=user-svc.link.internal,O=Link Service (serial \(other.certificate.serialHex)"))
        #expect(!result.hint.isEmpty)
        let stranger = try fetch(["--cert": "certs/stranger-svc/cert.pem", "--key": "certs/stranger-svc/key.pem"])
        #expect(stranger.exitCode == 1, "\(stranger)")
        #expect(stranger.error.hasPrefix("invalid_client: "))
        // Unknown, denied, expired: the answer does not tell which, and so the hint does not guess.
        #expect(stranger.hint == "the issuer does not accept this certificate; its log names the reason")
    }

    @Test func saysWhatTheIssuerSays() throws {
        let audience = try fetch(["--audience": "nobody"])
        #expect(audience.exitCode == 1, "\(audience)")
        #expect(audience.error.hasPrefix("invalid_target: "))
        let scope = try fetch(["--scope": "search:delete"])
        #expect(scope.exitCode == 1, "\(scope)")
        #expect(scope.error.hasPrefix("invalid_scope: "))
        #expect(scope.error.contains("search:read search:write"))
        let receiver = try fetch(["--cert": "certs/search-svc/cert.pem", "--key": "certs/search-svc/key.pem"])
        #expect(receiver.exitCode == 1, "\(receiver)")
        #expect(receiver.error.hasPrefix("unauthorized_client: "))
    }

    @Test func saysWhichOfItsOwnFilesIsWrong() throws {
        for option in ["--cert", "--key", "--ca"] {
            let result = try fetch([option: "certs/gone.pem"])
            #expect(result.exitCode == 78, "\(result)")
            #expect(result.error.contains("certs/gone.pem does not exist"))
        }
        try files.write(try files.read("certs/user-svc/key.pem"), to: "certs/open.pem", mode: 0o644)
        let open = try fetch(["--key": "certs/open.pem"])
        #expect(open.exitCode == 78)
        #expect(open.hint == "chmod 600 certs/open.pem")
        let old = try issuer.folder.authority.issue("user-svc", until: -60)
        try files.write(old, as: "certs/old")
        let expired = try fetch(["--cert": "certs/old/cert.pem", "--key": "certs/old/key.pem"])
        #expect(expired.exitCode == 78)
        #expect(expired.error.contains("certs/old/cert.pem expired at \(old.certificate.notAfter)"))
    }

    @Test func saysWhatCannotBeAsked() throws {
        for options in [
            ["--issuer": "http://127.0.0.1:\(issuer.port)"], ["--issuer": "nonsense"], ["--audience": ""], ["--audience": "a\nb"],
            ["--scope": "\""], ["--output": "xml"],
        ] {
            let result = try fetch(options)
            #expect(result.exitCode == 64, "\(options): \(result)")
            #expect(!result.error.isEmpty)
        }
    }
}
