import Countersign
import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import Testing

@Suite("The token decision")
struct TokenIssuerTests {
    private let pki: TestPKI
    private let issuer: TokenIssuer

    init() throws {
        pki = try TestPKI.shared.get()
        let criteria = try #require(CallerCriteria(subject: subject("user-svc")))
        let receiver = try #require(CallerCriteria(subject: subject("search-svc")))
        issuer = TokenIssuer(
            IssuancePolicy(
                issuer: "https://tokens.link.internal:8443", lifetime: 300, maximumLifetime: 900,
                requiredSubjectFields: [.commonName, .organization],
                directory: try ServiceDirectory([
                    ServiceEntry(
                        id: "user-svc", criteria: criteria,
                        audiences: [
                            AudienceGrant(
                                audience: "search-svc", roles: ["writer", "reader", "reader"],
                                scopes: ["search:read", "search:write"]
                            ),
                            AudienceGrant(audience: "short-svc", lifetime: 60),
                            AudienceGrant(audience: "https://orders.internal/"),
                        ]
                    ),
                    ServiceEntry(id: "search-svc", criteria: receiver, audiences: []),
                ])
            )
        )
    }

    @Test("gives a token with the claims of the policy, bound to the certificate")
    func granted() throws {
        let certificate = try pki.certificate(subject("user-svc"))
        let claims = try self.claims(TokenRequest(target: .audience("search-svc"), clientID: "user-svc"), certificate)
        #expect(
            claims
                == TokenClaims(
                    issuer: "https://tokens.link.internal:8443", serviceID: "user-svc", audience: "search-svc",
                    roles: ["reader", "writer"], scope: ["search:read", "search:write"], issuedAt: TestPKI.now,
                    expiresAt: TestPKI.now.adding(seconds: 300), tokenID: "id",
                    confirmation: Confirmation(certificate, authorityKey: pki.certificate.publicKey.sha256)
                )
        )
    }

    @Test("gives exactly the scopes that were asked for")
    func requestedScope() throws {
        let certificate = try pki.certificate(subject("user-svc"))
        let request = TokenRequest(target: .audience("search-svc"), scope: ["search:read"])
        #expect(try claims(request, certificate).scope == ["search:read"])
    }

    @Test("looks a connection's service up once for each policy, and never answers for another one")
    func otherPolicyOnTheSameConnection() throws {
        let certificate = try pki.certificate(subject("user-svc"))
        let peer = Peer(provedPossessionOf: certificate, intermediates: [])
        let standing = try pki.validator().validate(certificate, intermediates: [], purpose: .client, at: TestPKI.now)
        func other(_ services: [ServiceEntry]) throws -> TokenIssuer {
            TokenIssuer(
                IssuancePolicy(
                    issuer: issuer.policy.issuer, lifetime: 300, maximumLifetime: 900, requiredSubjectFields: [],
                    directory: try ServiceDirectory(services)
                )
            )
        }
        let criteria = try #require(CallerCriteria(subject: subject("user-svc")))
        let renamed = try other([ServiceEntry(id: "renamed-svc", criteria: criteria, audiences: [])])
        let empty = try other([])
        for _ in 0..<2 {
            #expect(try issuer.caller(of: peer, standing: standing).get().service.id == "user-svc")
            #expect(try renamed.caller(of: peer, standing: standing).get().service.id == "renamed-svc")
            let refusal = #expect(throws: TokenRefusal.self) { try empty.caller(of: peer, standing: standing).get() }
            #expect(refusal?.reason.rawValue == "service-unknown")
        }
    }

    @Test("gives a token for a resource that is configured as an audience")
    func resource() throws {
        let certificate = try pki.certificate(subject("user-svc"))
        let request = TokenRequest(target: .resource("https://orders.internal/"))
        #expect(try claims(request, certificate).audience == ["https://orders.internal/"])
    }

    @Test(
        "gives the lifetime asked for, but never more than allowed",
        arguments: [
            ("search-svc", nil, 300), ("search-svc", 60, 60), ("search-svc", 900, 900), ("search-svc", 901, 900),
            ("short-svc", nil, 60), ("short-svc", 30, 30), ("short-svc", 300, 60),
        ] as [(String, Int64?, Int64)]
    )
    func lifetimes(audience: String, requested: Int64?, given: Int64) throws {
        let certificate = try pki.certificate(subject("user-svc"))
        let claims = try claims(TokenRequest(target: .audience(audience), lifetime: requested), certificate)
        #expect(claims.expiresAt.seconds(since: TestPKI.now) == given)
    }

    @Test("gives no token that outlives the certificate")
    func certificateBound() throws {
        let request = TokenRequest(target: .audience("search-svc"))
        let short = try pki.certificate(subject("user-svc"), until: TestPKI.now.adding(seconds: 10))
        #expect(try claims(request, short).expiresAt == short.notAfter)
        let shorter = try pki.certificate(subject("user-svc"), until: TestPKI.now.adding(seconds: 1))
        #expect(try claims(request, shorter).expiresAt == shorter.notAfter)
    }

    @Test("gives no token that would live for less than a second")
    func certificateExpiring() throws {
        let certificate = try pki.certificate(subject("user-svc"), until: TestPKI.now.adding(seconds: 1))
        let standing = try pki.validator().validate(certificate, intermediates: [], purpose: .client, at: TestPKI.now)
        let caller = try issuer.caller(with: certificate, standing: standing).get()
        let request = TokenRequest(target: .audience("search-svc"))
        #expect(throws: Never.self) { try issuer.claims(for: request, from: caller, tokenID: "id", at: TestPKI.now).get() }
        let refusal = #expect(throws: TokenRefusal.self) {
            try issuer.claims(for: request, from: caller, tokenID: "id", at: certificate.notAfter).get()
        }
        #expect(refusal?.reason == .certificateExpiring)
        #expect(refusal?.error.code == .invalidClient)
    }

    @Test(
        "refuses, each time with its own reason and error",
        arguments: [
            (TokenRequest(grantType: "password", target: .audience("search-svc")), "grant-unsupported", "unsupported_grant_type"),
            (TokenRequest(target: .audience("search-svc"), clientID: "search-svc"), "client-mismatch", "invalid_client"),
            (TokenRequest(target: .audience("search-svc"), clientID: "USER-SVC"), "client-mismatch", "invalid_client"),
            (TokenRequest(target: .audience("other-svc")), "audience-not-granted", "invalid_target"),
            (TokenRequest(target: .audience("Search-svc")), "audience-not-granted", "invalid_target"),
            (TokenRequest(target: .audience("search\u{212A}")), "audience-not-granted", "invalid_target"),
            (TokenRequest(target: .resource("search-svc")), "audience-not-granted", "invalid_target"),
            (TokenRequest(target: .resource("https://orders.internal/#x")), "audience-not-granted", "invalid_target"),
            (TokenRequest(target: .resource("https://orders.internal")), "audience-not-granted", "invalid_target"),
            (TokenRequest(target: .audience("search-svc"), scope: ["search:admin"]), "scope-not-granted", "invalid_scope"),
            (
                TokenRequest(target: .audience("search-svc"), scope: ["search:read", "search:admin"]), "scope-not-granted",
                "invalid_scope"
            ),
            (TokenRequest(target: .audience("short-svc"), scope: ["x"]), "scope-not-granted", "invalid_scope"),
        ] as [(TokenRequest, String, String)]
    )
    func refused(request: TokenRequest, reason: String, code: String) throws {
        let refusal = try refusal(request, pki.certificate(subject("user-svc")))
        #expect(refusal?.reason.rawValue == reason)
        #expect(refusal?.error.code.rawValue == code)
    }

    @Test("refuses a service without audiences")
    func receiver() throws {
        let refusal = try refusal(TokenRequest(target: .audience("user-svc")), pki.certificate(subject("search-svc")))
        #expect(refusal?.reason == .serviceReceivesOnly)
        #expect(refusal?.error.code == .unauthorizedClient)
    }

    @Test("refuses certificates that are no caller's, as an invalid client")
    func callers() throws {
        let twice = DistinguishedName([(.organization, "Link Service"), (.commonName, "user-svc"), (.commonName, "x")])
        let other = try TestPKI(name: "Other CA")
        let cases: [(Certificate, String)] = [
            (try pki.certificate(subject("stranger")), "service-unknown"),
            (try pki.certificate(DistinguishedName([(.commonName, "user-svc")])), "subject-incomplete"),
            (try pki.certificate(twice), "certificate-ambiguous"),
            (try other.certificate(subject("user-svc")), "certificate-untrusted"),
            (try pki.certificate(subject("user-svc"), until: TestPKI.now.adding(seconds: -1)), "certificate-expired"),
            (try pki.certificate(subject("user-svc"), purposes: [.server]), "certificate-purpose"),
            (pki.certificate, "certificate-is-ca"),
        ]
        for (certificate, reason) in cases {
            let refusal = try refusal(TokenRequest(target: .audience("search-svc")), certificate)
            #expect(refusal?.reason.rawValue == reason)
            #expect(refusal?.error.code == .invalidClient)
        }
    }

    @Test("refuses a revoked certificate, and everybody when revocation cannot be judged")
    func revocation() throws {
        let request = TokenRequest(target: .audience("search-svc"))
        let revoked = try pki.certificate(subject("user-svc"))
        let good = try pki.certificate(subject("user-svc"))
        let list = try CertificateRevocationList.issue(
            revoked: [.init(serialNumber: revoked.serialNumber, revokedAt: TestPKI.now)], number: 1,
            thisUpdate: TestPKI.now.adding(seconds: -10), nextUpdate: TestPKI.now.adding(seconds: 10), by: pki.certificate,
            key: pki.key
        )
        let validator = try pki.validator(revocationLists: [list])
        #expect(try refusal(request, revoked, validator)?.reason.rawValue == "certificate-revoked")
        #expect(try refusal(request, revoked, validator)?.error.code == .invalidClient)
        #expect(try refusal(request, good, validator) == nil)
        let late = TestPKI.now.adding(seconds: 11)
        #expect(try refusal(request, good, validator, at: late)?.reason.rawValue == "crl-expired")
        #expect(try refusal(request, good, validator, at: late)?.error.code == .temporarilyUnavailable)
        let none = try pki.validator(revocationLists: [])
        #expect(try refusal(request, good, none)?.reason.rawValue == "crl-missing")
    }
}

extension TokenIssuerTests {
    private func claims(_ request: TokenRequest, _ certificate: Certificate) throws -> TokenClaims {
        try decide(request, certificate, pki.validator(), at: TestPKI.now).get()
    }

    private func refusal(
        _ request: TokenRequest, _ certificate: Certificate, _ validator: PathValidator? = nil, at now: Timestamp = TestPKI.now
    ) throws -> TokenRefusal? {
        switch decide(request, certificate, try validator ?? pki.validator(), at: now) {
        case .success: nil
        case .failure(let refusal): refusal
        }
    }

    private func decide(
        _ request: TokenRequest, _ certificate: Certificate, _ validator: PathValidator, at now: Timestamp
    ) -> Result<TokenClaims, TokenRefusal> {
        let standing = validator.validate(certificate, intermediates: [], purpose: .client, at: now)
        return issuer.caller(with: certificate, standing: standing).flatMap { caller in
            issuer.claims(for: request, from: caller, tokenID: "id", at: now)
        }
    }
}
