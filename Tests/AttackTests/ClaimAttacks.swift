import Countersign
import CountersignTesting
import Testing

/// Attacks by way of the claims, in tokens that are correctly signed.
@Suite struct ClaimAttacks {
    let receiver: Receiver

    init() throws {
        receiver = try Receiver.shared.get()
    }

    @Test(arguments: ["iss", "sub", "client_id", "service_id", "aud", "roles", "iat", "nbf", "exp", "jti", "cnf"])
    func refusesATokenWithoutARequiredClaim(name: String) async throws {
        #expect(await receiver.verdict(try receiver.token(replacing: name, with: nil)) == "claim-missing")
    }

    @Test func acceptsATokenWithoutScopeAndWithUnknownClaims() async throws {
        #expect(await receiver.verdict(try receiver.token(replacing: "scope", with: nil)) == "accepted")
        #expect(await receiver.verdict(try receiver.token(replacing: "extra", with: #"{"a":[1,2]}"#)) == "accepted")
    }

    @Test(arguments: [
        ("iss", "1"), ("iss", "null"), ("iss", #""""#), ("sub", "[]"), ("service_id", "{}"), ("aud", "1"), ("aud", "[]"),
        ("aud", #""""#),
        ("aud", "[1]"), ("roles", #""reader""#), ("roles", "[1]"), ("roles", "null"), ("scope", "1"), ("scope", #"["a"]"#),
        ("scope", #""""#), ("scope", #""a  b""#), ("iat", #""1800000000""#), ("iat", "1800000000.5"), ("nbf", "null"),
        ("exp", "1.9e9"),
        ("exp", #""never""#), ("exp", "-1"), ("exp", "253402300800"), ("jti", "7"), ("cnf", #""x""#), ("cnf", "[]"),
        ("cnf", #"{"x5t#S256":7}"#), ("cnf", #"{"x5t#S256":"AAAA"}"#),
    ])
    func refusesAClaimOfTheWrongType(name: String, json: String) async throws {
        #expect(await receiver.verdict(try receiver.token(replacing: name, with: json)) == "claim-type")
    }

    @Test(arguments: [
        #"{"iss":"a","iss":"b"}"#, #"{"cnf":{"x5t#S256":"a","x5t#S256":"b"}}"#, "{}x", "[]", #"{"a":1e400}"#,
        #"{"a":99999999999999999999}"#,
        #"{"a":"\ud800"}"#, #"{"a":"\u0000"}"#, "{\"a\":\"\u{0}\"}", "", "nul", #"{"a":[[[[[[[[[[]]]]]]]]]]}"#,
    ])
    func refusesPayloadsThatAreNotOneCleanObject(payload: String) async throws {
        let expected = payload.isEmpty ? "token-malformed" : payload == "[]" ? "claims-malformed" : "claims-malformed"
        #expect(await receiver.verdict(try receiver.token(payload: payload)) == expected)
    }

    @Test func refusesPayloadsThatAreNotUTF8OrTooLarge() async throws {
        func verdict(_ payload: [UInt8]) async throws -> String {
            await receiver.verdict(try receiver.issuer.token(header: Array(receiver.goodHeader.utf8), payload: payload))
        }
        let good = try receiver.goodPayload()
        #expect(try await verdict(good) == "accepted")
        func adding(_ bytes: [UInt8]) -> [UInt8] { good.dropLast() + Array(#","x":""#.utf8) + bytes + Array(#""}"#.utf8) }
        #expect(try await verdict(adding(Array("é".utf8))) == "accepted")
        // Overlong, a surrogate, cut short, stray, beyond Unicode, Latin-1, and a byte order mark in front.
        let wrong: [[UInt8]] = [
            [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0x80], [0xf5, 0x80, 0x80, 0x80], [0xe9], [0xff],
        ]
        for bytes in wrong { #expect(try await verdict(adding(bytes)) == "claims-malformed") }
        #expect(try await verdict([0xef, 0xbb, 0xbf] + good) == "claims-malformed")
        #expect(try await verdict(adding([UInt8](repeating: 0x61, count: 8192))) == "token-too-large")
    }

    @Test(arguments: [
        "https://tokens.link.internal:8443/", "https://tokens.link.internal", "https://TOKENS.link.internal:8443",
        "tokens.link.internal",
    ])
    func refusesAnIssuerThatIsNotExactlyOurs(issuer: String) async throws {
        #expect(await receiver.verdict(try receiver.token { $0.issuer = issuer }) == "issuer-mismatch")
    }

    @Test(arguments: ["Search-svc", "search", "search-svc2", "search-svc.link.internal", "*", " search-svc"])
    func refusesAnAudienceThatIsNotExactlyOurs(audience: String) async throws {
        #expect(await receiver.verdict(try receiver.token { $0.audience = [audience] }) == "audience-mismatch")
    }

    @Test func acceptsOurAudienceAmongSeveral() async throws {
        #expect(await receiver.verdict(try receiver.token(replacing: "aud", with: #"["x","search-svc"]"#)) == "accepted")
        #expect(await receiver.verdict(try receiver.token(replacing: "aud", with: #"["x","y"]"#)) == "audience-mismatch")
    }

    @Test func comparesNamesByTheirBytes() async throws {
        // Swift calls these equal: e with acute, composed and decomposed.
        let authenticator = try receiver.issuer.authenticator(audience: "caf\u{e9}", trusting: receiver.authority)
        #expect(await receiver.verdict(try receiver.token { $0.audience = ["caf\u{e9}"] }, by: authenticator) == "accepted")
        #expect(
            await receiver.verdict(try receiver.token { $0.audience = ["cafe\u{301}"] }, by: authenticator) == "audience-mismatch"
        )
    }

    @Test func followsTheClockWithLeewayOnlyWhereItMayBe() async throws {
        let (token, now) = (try receiver.token(), receiver.now)
        #expect(await receiver.verdict(token, at: now.adding(seconds: 299)) == "accepted")
        #expect(await receiver.verdict(token, at: now.adding(seconds: 300)) == "token-expired")
        #expect(await receiver.verdict(token, at: now.adding(seconds: -60)) == "accepted")
        #expect(await receiver.verdict(token, at: now.adding(seconds: -61)) == "token-not-yet-valid")
        let future = try receiver.token { $0.notBefore = now.adding(seconds: 61) }
        #expect(await receiver.verdict(future) == "token-not-yet-valid")
    }

    @Test func refusesLifetimesNobodyGrants() async throws {
        let now = receiver.now
        #expect(await receiver.verdict(try receiver.token { $0.expiresAt = now.adding(seconds: 3600) }) == "accepted")
        #expect(await receiver.verdict(try receiver.token { $0.expiresAt = now.adding(seconds: 3601) }) == "token-lifetime")
        let backwards = try receiver.token {
            $0.issuedAt = now.adding(seconds: 30)
            $0.expiresAt = now.adding(seconds: 20)
        }
        #expect(await receiver.verdict(backwards) == "token-lifetime")
    }

    @Test func refusesTokensWhoseNamesDiffer() async throws {
        #expect(await receiver.verdict(try receiver.token { $0.subject = "admin-svc" }) == "subject-mismatch")
        #expect(await receiver.verdict(try receiver.token { $0.clientID = "admin-svc" }) == "subject-mismatch")
    }

    @Test func asksForRolesAndScopes() async throws {
        let token = try receiver.token()
        #expect(await receiver.verdict(token, requiring: .role("reader")) == "accepted")
        #expect(await receiver.verdict(token, requiring: .role("writer")) == "role-missing")
        #expect(await receiver.verdict(token, requiring: .scope("search:read")) == "accepted")
        #expect(await receiver.verdict(token, requiring: .scope("search:write")) == "scope-missing")
        #expect(await receiver.verdict(token, requiring: .all([.role("reader"), .scope("x")])) == "scope-missing")
        #expect(await receiver.verdict(token, requiring: .any([.role("writer"), .scope("search:read")])) == "accepted")
        #expect(await receiver.verdict(token, requiring: .any([])) == "role-missing")
    }
}
