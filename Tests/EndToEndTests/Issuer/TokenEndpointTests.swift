import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import CountersignTesting
import Testing

/// The token endpoint's success, as RFC 6749 section 5.1 and RFC 9068 want it.
@Suite(.serialized, .runningIssuer) struct TokenEndpointTests {
    let issuer: RunningIssuer
    let curl: Curl

    init() throws {
        issuer = try #require(RunningIssuer.current)
        curl = Curl(issuer: issuer)
    }

    @Test(arguments: [("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2"), ("--http1.0", "HTTP/1.0")])
    func issuesATokenOverEveryVersionOfHTTP(option: String, version: String) throws {
        let answer = try curl.token("grant_type=client_credentials&audience=search-svc", [option])
        #expect(answer.status == 200)
        #expect(answer.version == version)
        #expect(answer.header("Content-Type") == "application/json")
        #expect(answer.header("Cache-Control") == "no-store")
        #expect(answer.header("Pragma") == "no-cache")
        #expect(answer.header("Connection") == (version == "HTTP/1.0" ? "close" : nil))
        #expect(answer.json.names == ["access_token", "token_type", "expires_in", "refresh_in", "scope"])
        #expect(answer.json.string("token_type") == "Bearer")
        #expect(answer.json.integer("expires_in") == 300)
        #expect((105..<225).contains(answer.json.integer("refresh_in") ?? 0))
        #expect(answer.json.string("scope") == "search:read search:write")
        #expect(try IssuedToken(answer).isSigned(byOneOf: keySet()))
    }

    @Test func writesExactlyTheHeaderAndClaimsOfTheDesign() throws {
        let before = Timestamp.now().secondsSince1970
        let token = try IssuedToken(try curl.token())
        let after = Timestamp.now().secondsSince1970
        let keys = try keySet()
        let kid = try #require(keys.keys.first?.kid.rawValue)
        #expect(keys.keys.count == 1)
        #expect(token.headerText == #"{"alg":"RS256","kid":"\#(kid)","typ":"at+jwt"}"#)

        let claims = token.claims
        #expect(
            Set(claims.names) == [
                "iss", "sub", "client_id", "service_id", "aud", "roles", "scope", "iat", "nbf", "exp", "jti", "cnf",
            ]
        )
        #expect(claims.count == 12)
        #expect(claims.string("iss") == IssuerFolder.issuer)
        for name in ["sub", "client_id", "service_id"] { #expect(claims.string(name) == "user-svc") }
        #expect(claims.string("aud") == "search-svc")
        #expect(claims.strings("roles") == ["reader", "writer"])
        #expect(claims.string("scope") == "search:read search:write")
        let issued = try #require(claims.integer("iat"))
        #expect((before...after).contains(issued))
        #expect(claims.integer("nbf") == issued)
        #expect(claims.integer("exp") == issued + 300)
        #expect(Base64URL.decode(claims.string("jti") ?? "")?.count == 16)
        let certificate = try issuer.folder.certificate("user-svc")
        #expect(claims.object("cnf")?.names == ["x5t#S256", "spki#S256", "holder#S256"])
        #expect(claims.object("cnf")?.string("x5t#S256") == Base64URL.encode(certificate.sha256.bytes))
        #expect(Set(try (0..<3).map { _ in try IssuedToken(try curl.token()).claims.string("jti") }).count == 3)
    }

    @Test func bindsTheTokenToTheCertificateAsOpensslSeesIt() throws {
        let shown = try Shell.run(
            "openssl", "x509", "-in", issuer.folder.files.path("certs/user-svc/cert.pem"), "-noout", "-fingerprint", "-sha256"
        )
        let hex = shown.standardOutput.split(separator: "=").last?.split(separator: ":").compactMap { UInt8($0, radix: 16) }
        let claims = try IssuedToken(try curl.token()).claims
        #expect(claims.object("cnf")?.string("x5t#S256") == Base64URL.encode(try #require(hex)))
    }

    @Test func opensslAcceptsTheSignatureWithThePublishedKey() throws {
        let token = try IssuedToken(try curl.token())
        let key = try #require(try keySet().keys.first)
        let files = try TestDirectory()
        try files.write(key.key.pem(), to: "key.pem")
        try files.write(token.signature, to: "signature")
        func verdict(_ input: String) throws -> String {
            try files.write(input, to: "input")
            return try Shell.run(
                "openssl", "dgst", "-sha256", "-verify", files.path("key.pem"), "-signature", files.path("signature"),
                files.path("input")
            ).standardOutput
        }
        #expect(try verdict(token.signingInput) == "Verified OK")
        #expect(try verdict(token.signingInput + "A") == "Verification failure")
    }

    @Test func grantsWhatIsAskedForAndNoMore() throws {
        func claims(_ more: String) throws -> JSONObject {
            try IssuedToken(try curl.token("grant_type=client_credentials&\(more)")).claims
        }
        func life(_ more: String) throws -> Int64? {
            let claims = try claims(more)
            return claims.integer("exp").flatMap { exp in claims.integer("iat").map { exp - $0 } }
        }
        #expect(try claims("audience=search-svc&scope=search:read").string("scope") == "search:read")
        #expect(
            try claims("audience=search-svc&scope=search%3Awrite+search%3Aread").string("scope") == "search:read search:write")
        #expect(try claims("audience=billing-svc").names.contains("scope") == false)
        #expect(try claims("audience=billing-svc").strings("roles") == [])
        #expect(try claims("resource=https://orders.link.internal/").string("aud") == "https://orders.link.internal/")
        #expect(try claims("audience=search-svc&client_id=user-svc").string("client_id") == "user-svc")
        #expect(try claims("audience=search-svc&scope=&client_id=&unknown=1").string("scope") == "search:read search:write")
        #expect(try life("audience=search-svc&lifetime=60") == 60)
        #expect(try life("audience=search-svc&lifetime=300") == 300)
        #expect(try life("audience=search-svc&lifetime=301") == 300)
        #expect(try life("audience=search-svc&lifetime=9999999999") == 300)
        #expect(try life("audience=billing-svc") == 300)
        #expect(try life("audience=billing-svc&lifetime=900") == 900)
        #expect(try life("audience=billing-svc&lifetime=901") == 900)
    }

    @Test func neverLetsATokenOutliveItsCertificate() throws {
        let folder = issuer.folder
        let short = try folder.authority.issue("user-svc", until: Timestamp.now().seconds(since: folder.authority.now) + 100)
        try folder.files.write(short, as: "certs/short-lived")
        let answer = try Curl(issuer: issuer, service: "short-lived").token()
        let token = try IssuedToken(answer)
        #expect(token.claims.integer("exp") == short.certificate.notAfter.secondsSince1970)
        #expect((1...100).contains(answer.json.integer("expires_in") ?? 0))
    }

    @Test func acceptsTheContentTypeHoweverItIsWritten() throws {
        for type in ["application/x-www-form-urlencoded; charset=UTF-8", "Application/X-WWW-Form-Urlencoded"] {
            let answer = try curl.token("grant_type=client_credentials&audience=search-svc", ["-H", "Content-Type: \(type)"])
            #expect(answer.status == 200, "\(type)")
        }
    }

    @Test func logsEveryTokenAndNeverShowsOne() async throws {
        let token = try IssuedToken(try curl.token())
        let jti = try #require(token.claims.string("jti"))
        // Lines come late and in batches: only its own identifier tells this token's line from those before it.
        let line = try await issuer.logs("token issued", "jti=\(jti)")
        for field in ["service=user-svc", "audience=search-svc", "kid=\(token.kid)", "outcome=issued", "request="] {
            #expect(line.contains(field))
        }
        let log = try issuer.log()
        #expect(!log.contains("eyJhbGciOi"))
    }

    private func keySet() throws -> JWKSet {
        try JWKSet(json: try curl.answer("/.well-known/jwks.json").body)
    }
}
