import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import Testing

@Suite("Writing claims")
struct TokenClaimsWritingTests {
    @Test("claims are written in a fixed order, roles sorted, scope with spaces")
    func order() throws {
        let text = String(decoding: try claims(roles: ["writer", "reader"], scope: ["b:write", "a:read"]).json(), as: UTF8.self)
        #expect(
            text == #"{"iss":"https://issuer.example","sub":"user-svc","client_id":"user-svc","service_id":"user-svc","#
                + #""aud":"search-svc","roles":["reader","writer"],"scope":"b:write a:read","iat":1700000000,"nbf":1700000000,"#
                + #""exp":1700000300,"jti":"AAAAAAAAAAAAAAAAAAAAAA","#
                + #""cnf":{"x5t#S256":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"}}"#
        )
    }

    @Test("a binding to key and holder is written beside the certificate's, and read back")
    func bindings() throws {
        var claims = try claims()
        let digests = try (1...3).map { try #require(SHA256Digest(bytes: [UInt8](repeating: $0, count: 32))) }
        claims.confirmation = Confirmation(
            certificateSHA256: digests[0], publicKeySHA256: digests[1], holderSHA256: digests[2])
        let written = try claims.json()
        let cnf = try #require(JSONReader.parseObject(written).object("cnf"))
        #expect(cnf.names == ["x5t#S256", "spki#S256", "holder#S256"])
        #expect(cnf.string("spki#S256") == "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI")
        #expect(try TokenClaims(json: written).confirmation == claims.confirmation)
    }

    @Test("scope is left out when there is none, roles are not")
    func noScope() throws {
        let object = try JSONReader.parseObject(claims(roles: [], scope: []).json())
        #expect(object["scope"] == nil)
        #expect(object["roles"] == [])
    }

    @Test("roles are sorted by their UTF-8 bytes")
    func sorting() throws {
        let roles = ["b", "\u{e9}", "e\u{301}", "Z", "a", "\u{1F600}", "\u{FFFD}"]
        let object = try JSONReader.parseObject(claims(roles: roles).json())
        #expect(object["roles"] == ["Z", "a", "b", "e\u{301}", "\u{e9}", "\u{FFFD}", "\u{1F600}"])
    }

    @Test("what is written reads back as the same claims")
    func roundTrip() throws {
        let claims = try claims(roles: ["a", "b"], scope: ["x", "y"])
        #expect(try TokenClaims(json: claims.json()) == claims)
    }

    @Test("claims that differ in code points or times are different")
    func equality() throws {
        let base = try claims(roles: ["\u{e9}"])
        #expect(base == (try claims(roles: ["\u{e9}"])))
        #expect(base != (try claims(roles: ["e\u{301}"])))
        #expect(try claims(roles: ["a"], scope: ["b"]) != claims(roles: ["a", "b"]))
        var later = base
        later.expiresAt = later.expiresAt.adding(seconds: 1)
        #expect(base != later)
    }

    @Test("what a verifier would refuse is not written")
    func refuses() throws {
        #expect(try refused { $0.issuer = "" } == "iss")
        #expect(try refused { $0.subject = "" } == "sub")
        #expect(try refused { $0.clientID = "" } == "client_id")
        #expect(try refused { $0.serviceID = "a\0b" } == "service_id")
        #expect(try refused { $0.tokenID = "" } == "jti")
        #expect(try refused { $0.audience = [] } == "aud")
        #expect(try refused { $0.audience = ["a", "b"] } == "aud")
        #expect(try refused { $0.audience = [""] } == "aud")
        #expect(try refused { $0.roles = ["a", ""] } == "roles")
        #expect(try refused { $0.roles = ["a\0"] } == "roles")
        for scope in ["", "a b", "a\"", "a\\", "\u{e9}", "a\n"] {
            #expect(try refused { $0.scope = ["x", scope] } == "scope")
        }
        #expect(try refused { $0.issuedAt = Timestamp(secondsSince1970: -1) } == "iat")
        #expect(try refused { $0.notBefore = Timestamp(secondsSince1970: .min) } == "nbf")
        #expect(try refused { $0.expiresAt = Timestamp(secondsSince1970: 253_402_300_800) } == "exp")
        #expect(try refused { $0.expiresAt = Timestamp(secondsSince1970: 253_402_300_799) } == nil)
    }

    private func claims(roles: [String] = ["reader"], scope: [String] = []) throws -> TokenClaims {
        TokenClaims(
            issuer: "https://issuer.example",
            serviceID: "user-svc",
            audience: "search-svc",
            roles: roles,
            scope: scope,
            issuedAt: Timestamp(secondsSince1970: 1_700_000_000),
            expiresAt: Timestamp(secondsSince1970: 1_700_000_300),
            tokenID: "AAAAAAAAAAAAAAAAAAAAAA",
            confirmation: Confirmation(
                certificateSHA256: try #require(SHA256Digest(bytes: [UInt8](repeating: 7, count: 32)))
            )
        )
    }

    /// The claim that keeps changed claims from being written, or nil when they are.
    private func refused(_ change: (inout TokenClaims) -> Void) throws -> String? {
        var changed = try claims()
        change(&changed)
        let error = failure { () throws(JOSEError) in try changed.json() }
        #expect(error == nil || error?.code == .claimType)
        return error?.member
    }
}
