import CountersignCrypto
import CountersignTesting
import Testing

/// Who gets a connection to the issuer at all, and who is somebody there.
@Suite(.serialized, .runningIssuer) struct CallerTests {
    /// How a caller that is refused in the handshake differs from a good one.
    struct Stranger: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let reason: String
        /// Makes its certificate, below the folder's authority or elsewhere.
        let identity: @Sendable (TestAuthority) throws -> TestIdentity?
    }

    static let strangers = [
        Stranger(testDescription: "no certificate", reason: "no-certificate") { _ in nil },
        Stranger(testDescription: "another authority", reason: "certificate-untrusted") { _ in
            try TestAuthority(at: .now()).issue("user-svc")
        },
        Stranger(testDescription: "an expired certificate", reason: "certificate-expired") {
            try $0.issue("user-svc", until: -1)
        },
        Stranger(testDescription: "a certificate of tomorrow", reason: "certificate-not-yet-valid") {
            try $0.issue("user-svc", from: 3000)
        },
        Stranger(testDescription: "a certificate for servers only", reason: "certificate-purpose") {
            try $0.issue("user-svc", role: .service([.server]))
        },
        // Its key is for certificates, not for handshakes, which the TLS library sees before we do.
        Stranger(testDescription: "the certificate of an authority", reason: "handshake-failed") {
            try $0.issue("user-svc", role: .authority(pathLength: 0))
        },
    ]

    let issuer: RunningIssuer

    init() throws {
        issuer = try #require(RunningIssuer.current)
    }

    @Test(arguments: strangers) func endsTheHandshakeWith(_ stranger: Stranger) async throws {
        let mark = try issuer.mark()
        var curl = Curl(issuer: issuer, service: nil)
        if let identity = try stranger.identity(issuer.folder.authority) {
            curl.service = "stranger"
            try issuer.folder.files.write(identity, as: "certs/stranger")
        }
        for path in ["/oauth2/token", "/.well-known/jwks.json"] {
            let result = try curl.run(path, ["--include"])
            #expect(!result.succeeded)
            #expect(result.output.isEmpty)
        }
        try await issuer.logs("connection refused", "reason=\(stranger.reason)", since: mark)
        #expect(try Curl(issuer: issuer).token().status == 200)
    }

    @Test func refusesACertificateThatNoServiceOfThePolicyHas() async throws {
        let curl = Curl(issuer: issuer, service: "stranger-svc")
        let answer = try curl.token()
        #expect(answer.status == 401)
        #expect(answer.oauthError == "invalid_client")
        #expect(answer.header("WWW-Authenticate")?.hasPrefix("Bearer ") == true)
        try await issuer.logs("reason=service-unknown", "stranger-svc.link.internal")
        // It may read what is public.
        #expect(try curl.answer("/.well-known/jwks.json").status == 200)
    }

    @Test func refusesNamesThatAreAlmostAService() async throws {
        let organization = (DistinguishedName.AttributeType.organization, "Link Service")
        let name = (DistinguishedName.AttributeType.commonName, "user-svc.link.internal")
        let id = SubjectAlternativeName.uri("spiffe://link.internal/service/user-svc")
        func reason(
            _ subject: [(DistinguishedName.AttributeType, String)], _ names: [SubjectAlternativeName]
        ) async throws -> String {
            let identity = try issuer.folder.authority.issue("x", subject: DistinguishedName(subject), names: names)
            try issuer.folder.files.write(identity, as: "certs/almost")
            let mark = try issuer.mark()
            let answer = try Curl(issuer: issuer, service: "almost").token()
            if answer.status == 200 { return "accepted" }
            #expect(answer.status == 401)
            #expect(answer.oauthError == "invalid_client")
            let line = try await issuer.logs("token refused", since: mark)
            return line.split(separator: " ").first { $0.hasPrefix("reason=") }.map { String($0.dropFirst(7)) } ?? line
        }
        #expect(try await reason([organization, name], [id]) == "accepted")
        #expect(try await reason([organization, name], [.uri("spiffe://link.internal/service/User-svc")]) == "service-unknown")
        #expect(try await reason([organization, name], [.uri("spiffe://link.internal/service/user-svc/x")]) == "service-unknown")
        #expect(try await reason([organization, name], [.dns("user-svc.link.internal")]) == "service-unknown")
        #expect(try await reason([organization, name], [id, .uri("https://x")]) == "certificate-ambiguous")
        #expect(try await reason([organization, name, (.commonName, "admin")], [id]) == "certificate-ambiguous")
        #expect(try await reason([name], [id]) == "subject-incomplete")
        #expect(try await reason([organization, (.commonName, "search-svc.link.internal")], [id]) == "service-ambiguous")
    }
}
