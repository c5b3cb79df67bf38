import CountersignCrypto
import CountersignJOSE
import Foundation
import Testing

@testable import CountersignIssuer

@Suite("The token endpoint over mutual TLS")
struct TokenEndpointTests {
    @Test("gives a token that the published keys verify, over HTTP/2 and HTTP/1.1", arguments: ["--http2", "--http1.1"])
    func issues(version: String) async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let answer = try await issuer.token(RunningIssuer.goodForm + "&scope=search:read&lifetime=60", version)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/json")
            #expect(answer.headers["cache-control"] == "no-store")
            #expect(answer.headers["pragma"] == "no-cache")
            #expect(answer.text("token_type") == "Bearer")
            #expect(answer.number("expires_in") == 60)
            #expect(answer.text("scope") == "search:read")

            let token = try CompactJWS(Array(try #require(answer.text("access_token")).utf8))
            let claims = try TokenClaims(json: token.payload)
            #expect(claims.issuer == "https://localhost:8443")
            #expect(claims.serviceID == "user-svc")
            #expect(claims.audience == ["search-svc"])
            #expect(claims.roles == ["reader"])
            let pem = try Data(contentsOf: URL(fileURLWithPath: issuer.files.folder.path("user-svc.pem")))
            let certificate = try #require(try Certificate.parsePEM([UInt8](pem)).first)
            #expect(claims.confirmation.certificateSHA256 == certificate.sha256)
            #expect(claims.confirmation.publicKeySHA256 == certificate.publicKey.sha256)

            let keys = try await issuer.ask("/.well-known/jwks.json", version)
            let set = try JWKSet(json: Array(keys.body.utf8))
            let key = try #require(set[TokenHeader(json: token.header).kid])
            #expect(try key.key.isValidSignature(token.signature, for: token.signingInput))
            try await checkWithOpenSSL(token, key, issuer.files.folder)

            let line = try await issuer.log.line(with: "token issued")
            for part in ["service=user-svc", "audience=search-svc", "outcome=issued", "kid=\(key.kid)", "jti=\(claims.tokenID)"] {
                #expect(line.contains(part))
            }
            #expect(!issuer.log.all.contains("eyJhbGciOi"))
        }
    }

    @Test("gives a token before and after other requests on a connection")
    func amongOthers() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let connection = try KeptConnection(to: issuer, as: "user-svc")
            var tokenIDs: Set<String> = []
            for _ in 0..<2 {
                for _ in 0..<2 {
                    let answer = try await connection.token(RunningIssuer.goodForm)
                    #expect(answer.hasPrefix("HTTP/1.1 200 "))
                    let token = try #require(answer.firstMatch(of: #/"access_token":"([^"]+)"/#)?.output.1)
                    tokenIDs.insert(try TokenClaims(json: CompactJWS(Array(token.utf8)).payload).tokenID)
                }
                #expect(
                    try await connection.ask("GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n").contains("keys"))
            }
            #expect(tokenIDs.count == 4)
        }
    }

    @Test("refuses who would get no token before the body has come, where the application has the connection")
    func refusesEarly() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let connection = try KeptConnection(to: issuer, as: "stranger")
            let form = RunningIssuer.goodForm
            let first = try await connection.ask(KeptConnection.head(contentLength: form.utf8.count) + form)
            #expect(first.hasPrefix("HTTP/1.1 401 Unauthorized\r\n") && first.contains("invalid_client"))
            _ = try await connection.ask("GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
            // The body never comes.
            let answer = try await connection.ask(KeptConnection.head(contentLength: 10))
            #expect(answer.hasPrefix("HTTP/1.1 401 Unauthorized\r\n") && answer.contains("invalid_client"))
            _ = try await issuer.log.line(with: "token refused", "reason=service-unknown")
        }
    }

    private func checkWithOpenSSL(_ token: CompactJWS, _ key: JWK, _ folder: TemporaryFolder) async throws {
        try folder.write(key.key.pem(), to: "key.pub")
        try Data(token.signature).write(to: URL(fileURLWithPath: folder.path("token.sig")))
        let (exitCode, output) = try await Command.run(
            ["openssl", "dgst", "-sha256", "-verify", folder.path("key.pub"), "-signature", folder.path("token.sig")],
            input: String(decoding: token.signingInput, as: UTF8.self)
        )
        #expect(exitCode == 0)
        #expect(output.contains("Verified OK"))
    }

    @Test("refuses each fault with its own error and reason")
    func refusals() async throws {
        let good = RunningIssuer.goodForm
        let cases: [(form: String, as: String, status: Int, error: String, reason: String)] = [
            ("audience=search-svc", "user-svc", 400, "invalid_request", "request-malformed"),
            ("grant_type=client_credentials", "user-svc", 400, "invalid_request", "request-malformed"),
            (good + "&audience=search-svc", "user-svc", 400, "invalid_request", "request-malformed"),
            (good + "&resource=https://x.example", "user-svc", 400, "invalid_request", "request-malformed"),
            (good + "&client_secret=x", "user-svc", 400, "invalid_request", "request-authentication"),
            ("grant_type=password&audience=search-svc", "user-svc", 400, "unsupported_grant_type", "grant-unsupported"),
            ("grant_type=client_credentials&audience=other", "user-svc", 400, "invalid_target", "audience-not-granted"),
            (good + "&scope=search:admin", "user-svc", 400, "invalid_scope", "scope-not-granted"),
            (good + "&client_id=search-svc", "user-svc", 401, "invalid_client", "client-mismatch"),
            (good, "search-svc", 400, "unauthorized_client", "service-receives-only"),
            (good, "stranger", 401, "invalid_client", "service-unknown"),
        ]
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            for (form, name, status, error, reason) in cases {
                let answer = try await issuer.token(form, as: name)
                #expect(answer.status == status, "\(form)")
                #expect(answer.text("error") == error, "\(form)")
                #expect(answer.text("error_description")?.isEmpty == false)
                #expect(answer.headers["content-type"] == "application/json")
                #expect(answer.headers["cache-control"] == "no-store")
                #expect((answer.headers["www-authenticate"] != nil) == (status == 401))
                _ = try await issuer.log.line(with: "token refused", "reason=\(reason)", "error=\(error)", "outcome=refused")
            }
        }
    }

    @Test(
        "takes a form only, whatever its charset parameter, and no other authentication", arguments: ["--http2", "--http1.1"])
    func contentTypes(version: String) async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            for type in ["application/x-www-form-urlencoded; charset=UTF-8", "Application/X-WWW-Form-URLEncoded"] {
                #expect(try await issuer.token(RunningIssuer.goodForm, version, "-H", "Content-Type: \(type)").status == 200)
            }
            for type in ["application/json", "application/x-www-form-urlencoded; charset=latin1", "text/plain", ""] {
                let answer = try await issuer.token(RunningIssuer.goodForm, version, "-H", "Content-Type:\(type)")
                #expect(answer.status == 400)
                #expect(answer.text("error") == "invalid_request")
            }
            let form = "Content-Type: application/x-www-form-urlencoded;a"
            #expect(try await issuer.token(RunningIssuer.goodForm, version, "-H", form).status == 200)
            let two = try await issuer.token(RunningIssuer.goodForm, version, "-H", form, "-H", form)
            #expect(two.status == 400)
            #expect(two.text("error") == "invalid_request")
            for header in ["Authorization: Basic eDp5", "Content-Encoding: gzip"] {
                #expect(try await issuer.token(RunningIssuer.goodForm, version, "-H", header).status == 400)
            }
        }
    }

    @Test("answers 413 to a body over 16 KiB", arguments: ["--http2", "--http1.1"])
    func tooLarge(version: String) async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let start = RunningIssuer.goodForm + "&x="
            let fits = start + String(repeating: "a", count: FormBody.maximumBytes - start.utf8.count)
            #expect(try await issuer.token(fits, version).status == 200)
            let answer = try await issuer.token(fits + "a", version)
            #expect(answer.status == 413)
            #expect(answer.text("error") == "invalid_request")
            let chunked = try await issuer.token(fits + "a", version, "-H", "Transfer-Encoding: chunked")
            #expect(chunked.status == 413)
        }
    }

    @Test("writes nothing that a peer sent into the log unescaped")
    func logInjection() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let name = DistinguishedName([(.organization, "Link Service"), (.commonName, "x\n2026 info token issued\u{1b}[2J")])
            try issuer.files.writeClient("evil", try issuer.files.pki.certificate(name))
            _ = try await issuer.token(RunningIssuer.goodForm, as: "evil")
            _ = try await issuer.token("grant_type=client_credentials&audience=a%0Aoutcome=issued%20service=x%1b")
            _ = try await issuer.log.line(with: "reason=service-unknown")
            _ = try await issuer.log.line(
                with: "reason=audience-not-granted", "audience='a\\u{a}outcome=issued service=x\\u{1b}'")
            #expect(!issuer.log.all.contains("\u{1b}"))
            #expect(!issuer.log.all.contains("\n2026 info"))
        }
    }
}

@Suite("A connection to the token endpoint")
struct TokenConnectionTests {
    @Test("is not made without a certificate, or with one of another authority")
    func handshake() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            #expect(try await issuer.ask("/.well-known/jwks.json").status == 200)
            let without = try await issuer.ask("/.well-known/jwks.json", as: nil)
            #expect(without.status == 0)
            #expect(without.exitCode != 0)
            _ = try await issuer.log.line(with: "connection refused", "reason=no-certificate")
            let other = try TestPKI(name: "Other CA", now: issuer.files.now)
            try issuer.files.folder.write(try other.certificate(subject("user-svc")).pem, to: "foreign.pem")
            try issuer.files.folder.write(other.serviceKey, to: "foreign-key.pem")
            #expect(try await issuer.ask("/.well-known/jwks.json", as: "foreign").status == 0)
            _ = try await issuer.log.line(with: "connection refused", "reason=certificate-untrusted")
        }
    }

    @Test("gets no more tokens once its certificate is revoked")
    func revoked() async throws {
        try await RunningIssuer.run(try await IssuerFolder(crl: true)) { issuer in
            let connection = try KeptConnection(to: issuer, as: "user-svc")
            let other = try KeptConnection(to: issuer, as: "search-svc")
            #expect(try await connection.token(RunningIssuer.goodForm).contains("access_token"))
            #expect(try await other.token(RunningIssuer.goodForm).contains("unauthorized_client"))
            let pem = try Data(contentsOf: URL(fileURLWithPath: issuer.files.folder.path("user-svc.pem")))
            let certificates = try Certificate.parsePEM([UInt8](pem))
            let list = try issuer.files.pki.revocationList(certificates, number: 2)
            try issuer.files.folder.write(list.pem, to: "crl.pem", mode: 0o644)
            _ = try await issuer.log.line(with: "TLS files reloaded")
            let answer = try await connection.token(RunningIssuer.goodForm)
            #expect(answer.hasPrefix("HTTP/1.1 401"))
            #expect(answer.contains("invalid_client"))
            _ = try await issuer.log.line(with: "reason=certificate-revoked")
            #expect(try await other.token(RunningIssuer.goodForm).contains("unauthorized_client"))
        }
    }

    @Test("gets no more tokens once its certificate has expired, and none that outlive it")
    func expired() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let files = issuer.files
            try files.writeClient("short", try files.pki.certificate(subject("user-svc"), until: files.now.adding(seconds: 200)))
            let connection = try KeptConnection(to: issuer, as: "short")
            #expect(try await connection.token(RunningIssuer.goodForm).contains("access_token"))
            issuer.clock.advance(seconds: 150)
            let last = try await connection.token(RunningIssuer.goodForm)
            let seconds = try #require(last.firstMatch(of: /"expires_in":([0-9]+)/)).1
            #expect((1...50).contains(try #require(Int(seconds))))
            issuer.clock.advance(seconds: 60)
            #expect(try await connection.token(RunningIssuer.goodForm).hasPrefix("HTTP/1.1 401"))
            _ = try await issuer.log.line(with: "reason=certificate-expired")
        }
    }

    @Test("gets 503 while revocation cannot be judged")
    func staleList() async throws {
        try await RunningIssuer.run(try await IssuerFolder(crl: true)) { issuer in
            let connection = try KeptConnection(to: issuer, as: "user-svc")
            #expect(try await connection.token(RunningIssuer.goodForm).contains("access_token"))
            issuer.clock.advance(seconds: 3601)
            let answer = try await connection.token(RunningIssuer.goodForm)
            #expect(answer.hasPrefix("HTTP/1.1 503"))
            #expect(answer.lowercased().contains("\r\nretry-after: 5\r\n"))
            #expect(answer.contains("temporarily_unavailable"))
            let ready = try await Curl.run(["http://127.0.0.1:\(issuer.operationsPort)/readyz"])
            #expect(ready.status == 503)
            #expect(ready.body.contains(#""crl":"failing""#))
        }
    }

    @Test("is still in step after a HEAD that is refused")
    func head() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let connection = try KeptConnection(to: issuer, as: "user-svc")
            try connection.send("HEAD /oauth2/token HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try connection.send("HEAD /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try connection.send(KeptConnection.head(contentLength: RunningIssuer.goodForm.utf8.count) + RunningIssuer.goodForm)
            let answers = try await connection.answer()
            #expect(answers.contains("HTTP/1.1 405 "))
            #expect(answers.contains("HTTP/1.1 404 "))
            #expect(answers.contains("\r\n\r\nHTTP/1.1 200 OK\r\n"))
            #expect(!answers.contains("about:blank"))
        }
    }

    @Test("finishes the request in hand when the issuer stops")
    func drains() async throws {
        let connection = try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let connection = try KeptConnection(to: issuer, as: "user-svc")
            let form = RunningIssuer.goodForm
            let head = KeptConnection.head(contentLength: form.utf8.count)
            // One write is one record: with the first answer the issuer has read the beginning of the second request, too.
            #expect(try await connection.ask(head + form + head + form.prefix(10)).contains("access_token"))
            connection.forget()
            Task {
                _ = try await issuer.log.line(with: "stopping")
                try connection.send(String(form.dropFirst(10)))
            }
            return connection
        }
        #expect(try await connection.answer().contains("access_token"))
    }
}
