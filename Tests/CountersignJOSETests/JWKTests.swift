import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import Testing

@Suite("JSON Web Key")
struct JWKTests {
    @Test("a key is written with its public members in a fixed order and reads back as the same key")
    func roundTrip() throws {
        let jwk = JWK(try TestKeys.publicKey(modulus: TestKeys.rfc7638Modulus))
        #expect(
            jwk.json == [
                "kty": "RSA", "use": "sig", "alg": "RS256", "kid": .string(TestKeys.rfc7638Thumbprint),
                "n": .string(TestKeys.rfc7638Modulus), "e": "AQAB",
            ]
        )
        #expect(try JWK(json: jwk.json) == jwk)
        #expect(jwk.kid.rawValue == TestKeys.rfc7638Thumbprint)
    }

    @Test("public members we do not use are ignored")
    func otherMembers() throws {
        let json = try good().with("x5c", ["AAAA"]).with("x5t#S256", "x").with("key_ops", ["verify"]).with("nbf", 1)
        #expect(try JWK(json: json) == JWK(json: good()))
    }

    @Test("a private member is refused", arguments: ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
    func privateMembers(name: String) throws {
        #expect(try refused(good().with(name, "AQAB")) == .keyPrivate)
        #expect(try refused(good().with(name, .null)) == .keyPrivate)
    }

    @Test("a missing member, or one that is no string, is refused by name", arguments: ["kty", "use", "alg", "kid", "n", "e"])
    func missing(name: String) throws {
        for json in [
            try good().without(name), try good().with(name, .null), try good().with(name, 1), try good().with(name, ["x"]),
        ] {
            let error = failure { () throws(JOSEError) in try JWK(json: json) }
            #expect(error?.code == .keyMalformed)
            #expect(error?.member == name)
        }
    }

    @Test(
        "another kind, use or algorithm is not supported",
        arguments: [
            ("kty", "EC"), ("kty", "oct"), ("kty", "rsa"), ("use", "enc"), ("alg", "RS512"), ("alg", "PS256"), ("alg", "HS256"),
            ("alg", "none"), ("alg", "rs256"),
        ]
    )
    func unsupported(name: String, value: String) throws {
        #expect(try refused(good().with(name, .string(value))) == .keyUnsupported)
    }

    @Test("a kid that is not the thumbprint is refused")
    func wrongKeyID() throws {
        #expect(try refused(good().with("kid", "key-1")) == .keyIDMismatch)
        let other = KeyID(of: try TestKeys.publicKey(modulus: TestKeys.rfc7515Modulus))
        #expect(try refused(good().with("kid", .string(other.rawValue))) == .keyIDMismatch)
    }

    @Test("an exponent other than 65537 is refused", arguments: ["Aw", "AQ", "EQ", "AQAD", "AQAAAAE"])
    func exponent(e: String) throws {
        #expect(try refused(good().with("e", .string(e))) == .keyWeak)
    }

    @Test("a modulus that is too short or too long is refused", arguments: [1, 128, 255, 1025])
    func modulusSize(count: Int) throws {
        let modulus = [UInt8](repeating: 0xFF, count: count)
        #expect(try refused(good().with("n", .string(Base64URL.encode(modulus)))) == .keyWeak)
    }

    @Test("leading zero bytes are refused (RFC 7518 section 2)")
    func leadingZero() throws {
        let modulus = try #require(Base64URL.decode(TestKeys.rfc7638Modulus))
        #expect(try refused(good().with("n", .string(Base64URL.encode([0] + modulus)))) == .keyMalformed)
        #expect(try refused(good().with("e", .string(Base64URL.encode([0, 1, 0, 1])))) == .keyMalformed)
    }

    @Test(
        "a number that is not canonical base64url, or even, is refused",
        arguments: ["", "AQAB=", "AQA+", "AQ AB", "AQB", "A", "AA"]
    )
    func notCanonical(text: String) throws {
        #expect(try refused(good().with("e", .string(text))) == .keyMalformed)
        #expect(try refused(good().with("n", .string(text))) == .keyMalformed)
        let even = [UInt8](repeating: 0xFE, count: 256)
        #expect(try refused(good().with("n", .string(Base64URL.encode(even)))) == .keyMalformed)
    }

    private func good() throws -> JSONObject {
        JWK(try TestKeys.publicKey(modulus: TestKeys.rfc7638Modulus)).json
    }

    private func refused(_ json: JSONObject) -> JOSEError.Code? {
        failure { () throws(JOSEError) in try JWK(json: json) }?.code
    }
}
