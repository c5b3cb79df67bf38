import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import Testing

@Suite("Reading claims")
struct TokenClaimsReadingTests {
    /// The digest in the example of RFC 8705 section 3.1 in its canonical form; see ``confirmationUnusedBits()``.
    static let rfcThumbprint = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0"

    private let good: JSONObject = [
        "iss": "https://tokens.link.internal:8443",
        "sub": "user-svc",
        "client_id": "user-svc",
        "service_id": "user-svc",
        "aud": "search-svc",
        "roles": ["reader", "writer"],
        "scope": "search:read search:write",
        "iat": 1_700_000_000,
        "nbf": 1_700_000_000,
        "exp": 1_700_000_300,
        "jti": "AAAAAAAAAAAAAAAAAAAAAA",
        "cnf": ["x5t#S256": .string(rfcThumbprint)],
    ]

    @Test("every claim is read, and the certificate digest is 43 characters of base64url (RFC 8705 section 3.1)")
    func reads() throws {
        let claims = try TokenClaims(json: good.bytes())
        #expect(claims.issuer == "https://tokens.link.internal:8443")
        #expect(claims.subject == "user-svc")
        #expect(claims.clientID == "user-svc")
        #expect(claims.serviceID == "user-svc")
        #expect(claims.audience == ["search-svc"])
        #expect(claims.roles == ["reader", "writer"])
        #expect(claims.scope == ["search:read", "search:write"])
        #expect(claims.issuedAt == Timestamp(secondsSince1970: 1_700_000_000))
        #expect(claims.notBefore == Timestamp(secondsSince1970: 1_700_000_000))
        #expect(claims.expiresAt == Timestamp(secondsSince1970: 1_700_000_300))
        #expect(claims.tokenID == "AAAAAAAAAAAAAAAAAAAAAA")
        #expect(claims.confirmation.x5tS256 == Self.rfcThumbprint)
        #expect(claims.confirmation.x5tS256.utf8.count == 43)
        #expect(claims.confirmation.certificateSHA256.bytes == Base64URL.decode(Self.rfcThumbprint))
    }

    @Test("subject, client and service are each what the token says, also when they differ")
    func threeNames() throws {
        let claims = try TokenClaims(json: good.with("sub", "a").with("client_id", "b").with("service_id", "c").bytes())
        #expect([claims.subject, claims.clientID, claims.serviceID] == ["a", "b", "c"])
    }

    @Test(
        "a missing claim is refused by name",
        arguments: ["iss", "sub", "client_id", "service_id", "aud", "roles", "iat", "nbf", "exp", "jti", "cnf"]
    )
    func missing(name: String) {
        let error = failure(good.without(name))
        #expect(error?.code == .claimMissing)
        #expect(error?.member == name)
        #expect(error?.message.contains("\"\(name)\"") == true)
    }

    @Test("null is not missing but of the wrong type", arguments: ["iss", "aud", "roles", "scope", "exp", "cnf"])
    func null(name: String) {
        expectType(name, .null)
    }

    @Test(
        "a text claim that is no string, or an empty one, is refused by name",
        arguments: ["iss", "sub", "client_id", "service_id", "jti"],
        [1, true, .null, [], ["x"], [:], .double(1), ""] as [JSONValue]
    )
    func text(name: String, value: JSONValue) {
        expectType(name, value)
    }

    @Test(
        "a time that is not an integer within the years 1970 to 9999 is refused by name",
        arguments: ["iat", "nbf", "exp"],
        [
            .double(1_700_000_000), .double(1.5), "1700000000", true, .null, [1], [:], -1, .integer(.min), .integer(.max),
            253_402_300_800,
        ] as [JSONValue]
    )
    func time(name: String, value: JSONValue) {
        expectType(name, value)
    }

    @Test("the first and the last second are accepted", arguments: ["iat", "nbf", "exp"], [0, 253_402_300_799] as [JSONValue])
    func timeEdges(name: String, value: JSONValue) {
        #expect(failure(good.with(name, value)) == nil)
    }

    @Test("times written as floats, or too large for an integer, are refused from the text on", arguments: ["iat", "nbf", "exp"])
    func timeText(name: String) throws {
        for (number, code) in [
            ("1700000000.0", JOSEError.Code.claimType), ("17e8", .claimType), ("1e400", .claimsMalformed),
            ("9223372036854775808", .claimsMalformed), ("99999999999999999999", .claimsMalformed),
        ] {
            let marker: JSONValue = "here"
            let text = String(decoding: try good.with(name, marker).bytes(), as: UTF8.self)
            let payload = text.split(separator: "\"here\"", maxSplits: 1).joined(separator: number)
            #expect(failure(Array(payload.utf8))?.code == code)
        }
    }

    @Test("an audience may be a string or an array of strings (RFC 7519 section 4.1.3)")
    func audience() throws {
        #expect(try TokenClaims(json: good.with("aud", ["a"]).bytes()).audience == ["a"])
        #expect(try TokenClaims(json: good.with("aud", ["a", "b"]).bytes()).audience == ["a", "b"])
        let most = JSONValue.array((0..<32).map { .string("a\($0)") })
        #expect(failure(good.with("aud", most)) == nil)
    }

    @Test(
        "another audience is refused",
        arguments: [
            1, true, .null, "", [], [""], ["a", ""], ["a", 1], [["a"]], [:], .array((0..<33).map { .string("a\($0)") }),
        ] as [JSONValue]
    )
    func audienceType(value: JSONValue) {
        expectType("aud", value)
    }

    @Test(
        "roles may be none but must be an array of strings",
        arguments: ["reader", 1, .null, [1], ["a", .null], ["a", ""], [:]] as [JSONValue]
    )
    func roles(value: JSONValue) throws {
        expectType("roles", value)
        #expect(try TokenClaims(json: good.with("roles", []).bytes()).roles == [])
    }

    @Test("scope may be missing")
    func scopeMissing() throws {
        #expect(try TokenClaims(json: good.without("scope").bytes()).scope == [])
    }

    @Test(
        "a scope that is not tokens with single spaces is refused (RFC 6749 section 3.3)",
        arguments: ["", " ", "a ", " a", "a  b", "a\tb", "a\nb", "a\"b", "a\\b", "\u{e9}", "a\u{7f}", 1, .null, ["a"], [:]]
            as [JSONValue]
    )
    func scopeType(value: JSONValue) {
        expectType("scope", value)
    }

    @Test("cnf must be an object with the digest, and may have more", arguments: ["x", 1, .null, [], [[:]]] as [JSONValue])
    func confirmationType(value: JSONValue) {
        expectType("cnf", value)
        #expect(failure(good.with("cnf", ["x5t#S256": .string(Self.rfcThumbprint), "jkt": "x"])) == nil)
    }

    @Test(
        "a cnf without the digest does not bind and is refused",
        arguments: [[:], ["jkt": "x"], ["x5t": "x"], ["X5T#S256": "x"]] as [JSONValue]
    )
    func confirmationMissing(value: JSONValue) {
        let error = failure(good.with("cnf", value))
        #expect(error?.code == .claimMissing)
        #expect(error?.member == "cnf.x5t#S256")
    }

    @Test(
        "a digest that is not 43 canonical characters is refused, above all hexadecimal",
        arguments: [
            "", "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg3", "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0=",
            "bwcK0esc3ACC3DB2Y5/lESsXE8o9ltc05O89jdN+dg0", "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg",
            "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0A", .string(String(repeating: "0a", count: 32)), 1, .null, [],
        ] as [JSONValue]
    )
    func confirmationDigest(value: JSONValue) {
        let error = failure(good.with("cnf", ["x5t#S256": value]))
        #expect(error?.code == .claimType)
        #expect(error?.member == "cnf.x5t#S256")
    }

    @Test("the digest as RFC 8705 section 3.1 prints it has unused bits set, so it is refused")
    func confirmationUnusedBits() {
        let printed = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"
        #expect(failure(good.with("cnf", ["x5t#S256": .string(printed)]))?.member == "cnf.x5t#S256")
        #expect(failure(good.with("cnf", ["x5t#S256": .string(Self.rfcThumbprint)])) == nil)
    }

    @Test("unknown claims are ignored")
    func unknown() throws {
        let claims = try TokenClaims(json: good.with("groups", ["x"]).with("act", ["sub": "y"]).with("Exp", 1).bytes())
        #expect(claims == (try TokenClaims(json: good.bytes())))
    }

    @Test(
        "a payload that is not one object with each member once is refused",
        arguments: [
            "", "null", "[]", "\"x\"", "{", #"{"iss":"a","iss":"b"}"#, #"{"exp":1,"\u0065xp":2}"#, #"{"x":{"a":1,"a":2}}"#,
            "{}{}",
            "{\"iss\":\"a\0\"}", #"{"iss":"a\u0000"}"#, #"{"a":[[[[[[[[]]]]]]]]}"#, #"{"iss":"\ud800"}"#,
        ]
    )
    func malformed(text: String) {
        #expect(failure(Array(text.utf8))?.code == .claimsMalformed)
    }

    @Test("a payload that is not UTF-8 or too large is refused")
    func malformedBytes() {
        #expect(failure(Array("{\"iss\":\"".utf8) + [0xC0, 0xAF] + Array("\"}".utf8))?.code == .claimsMalformed)
        #expect(failure([UInt8](repeating: 0x20, count: 65_537))?.code == .claimsMalformed)
    }

    private func expectType(_ name: String, _ value: JSONValue, sourceLocation: SourceLocation = #_sourceLocation) {
        let error = failure(good.with(name, value))
        #expect(error?.code == .claimType, sourceLocation: sourceLocation)
        #expect(error?.member == name, sourceLocation: sourceLocation)
    }

    private func failure(_ claims: JSONObject) -> JOSEError? {
        guard let payload = try? claims.bytes() else {
            return JOSEError?.none
        }
        return failure(payload)
    }

    private func failure(_ payload: [UInt8]) -> JOSEError? {
        CountersignJOSETests.failure { () throws(JOSEError) in try TokenClaims(json: payload) }
    }
}
