import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import Testing

@Suite("Key set")
struct JWKSetTests {
    private let first: JWK
    private let second: JWK

    init() throws {
        first = JWK(try TestKeys.publicKey(modulus: TestKeys.rfc7638Modulus))
        second = JWK(try TestKeys.publicKey(modulus: TestKeys.rfc7515Modulus))
    }

    @Test("a set is published, read and looked up by exact identifier")
    func roundTrip() throws {
        let set = try JWKSet([first, second])
        let read = try JWKSet(json: set.json)
        #expect(read.keys == [first, second])
        #expect(read.json == set.json)
        #expect(read[first.kid] == first)
        #expect(read[second.kid] == second)
        #expect(try JWKSet([first])[second.kid] == nil)
    }

    @Test("what is published has the public members only")
    func published() throws {
        let text = String(decoding: try JWKSet([first]).json, as: UTF8.self)
        let n = TestKeys.rfc7638Modulus
        let kid = TestKeys.rfc7638Thumbprint
        #expect(text == #"{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"\#(kid)","n":"\#(n)","e":"AQAB"}]}"#)
    }

    @Test("keys of another kind, use or algorithm are ignored")
    func foreign() throws {
        let set = try read([
            ["kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": .string(first.kid.rawValue)],
            ["kty": "future"],
            .object(second.json.with("use", "enc")),
            .object(second.json.with("alg", "PS256")),
            .object(first.json),
        ])
        #expect(set.keys == [first])
    }

    @Test("other members of the set are ignored")
    func otherMembers() throws {
        let bytes = try JSONWriter.bytes(["version": 1, "keys": [.object(first.json)], "d": "x"])
        #expect(try JWKSet(json: bytes).keys == [first])
    }

    @Test("a private member on any key spoils the set, also on a key that would be ignored")
    func privateMembers() throws {
        #expect(refused([.object(first.json), .object(second.json.with("d", "AQAB"))]) == .keyPrivate)
        #expect(refused([.object(first.json), ["kty": "oct", "k": "AAAA"]]) == .keyPrivate)
        #expect(refused([.object(first.json), ["kty": "EC", "d": "AAAA"]]) == .keyPrivate)
    }

    @Test("the same key twice is refused")
    func duplicates() throws {
        #expect(refused([.object(first.json), .object(first.json)]) == .keySetDuplicate)
        #expect(failure { () throws(JOSEError) in try JWKSet([first, second, first]) }?.code == .keySetDuplicate)
    }

    @Test("a key of ours that is wrong spoils the set")
    func wrongKey() throws {
        let modulus = try #require(Base64URL.decode(TestKeys.rfc7638Modulus))
        let weak = Base64URL.encode([UInt8](repeating: 0xFF, count: 128))
        for (json, code) in [
            (first.json.with("e", "Aw"), JOSEError.Code.keyWeak),
            (first.json.with("n", .string(weak)), .keyWeak),
            (first.json.with("n", .string(Base64URL.encode([0] + modulus))), .keyMalformed),
            (first.json.with("kid", .string(second.kid.rawValue)), .keyIDMismatch),
            (first.json.with("kid", "key-1"), .keyIDMismatch),
            (first.json.without("kid"), .keyMalformed),
            (first.json.without("alg"), .keyMalformed),
            (first.json.without("kty"), .keyMalformed),
        ] {
            #expect(refused([.object(second.json), .object(json)]) == code)
        }
    }

    @Test("a set without a usable key is refused")
    func empty() {
        #expect(refused([]) == .keySetEmpty)
        #expect(refused([["kty": "EC"]]) == .keySetEmpty)
        #expect(failure { () throws(JOSEError) in try JWKSet([]) }?.code == .keySetEmpty)
    }

    @Test("64 entries are accepted and 65 refused")
    func count() {
        let foreign = [JSONValue](repeating: ["kty": "EC"], count: 63)
        #expect(refused([.object(first.json)] + foreign) == nil)
        #expect(refused([.object(first.json), ["kty": "EC"]] + foreign) == .keySetTooLarge)
    }

    @Test(
        "what is not an object with an array of objects is refused",
        arguments: [
            "", "[]", "null", "{}", #"{"keys":{}}"#, #"{"keys":null}"#, #"{"keys":"x"}"#, #"{"keys":[1]}"#, #"{"keys":[[]]}"#,
            #"{"keys":[],"keys":[]}"#, #"{"keys":[{"kty":"EC","kty":"EC"}]}"#, #"{"keys":[]} x"#, "<html>",
        ]
    )
    func malformed(text: String) {
        #expect(failure { () throws(JOSEError) in try JWKSet(json: Array(text.utf8)) }?.code == .keySetMalformed)
    }

    @Test("a set of 256 KiB is read and one byte more refused")
    func size() throws {
        let json = try JWKSet([first]).json
        let full = json + [UInt8](repeating: 0x20, count: 256 * 1024 - json.count)
        #expect(try JWKSet(json: full).keys == [first])
        #expect(failure { () throws(JOSEError) in try JWKSet(json: full + [0x20]) }?.code == .keySetMalformed)
    }

    private func read(_ keys: [JSONValue]) throws -> JWKSet {
        try JWKSet(json: JSONWriter.bytes(["keys": .array(keys)]))
    }

    private func refused(_ keys: [JSONValue]) -> JOSEError.Code? {
        guard let bytes = try? JSONWriter.bytes(["keys": .array(keys)]) else {
            return .operationFailed
        }
        return failure { () throws(JOSEError) in try JWKSet(json: bytes) }?.code
    }
}
