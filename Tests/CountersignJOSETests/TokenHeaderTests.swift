import CountersignJOSE
import Testing

@Suite("Token header")
struct TokenHeaderTests {
    private let kid = TestKeys.rfc7638Thumbprint

    @Test("the issuer's own header is accepted, whatever the order of its members")
    func accepts() throws {
        let id = try #require(KeyID(kid))
        #expect(try TokenHeader(json: Array(#"{"alg":"RS256","kid":"\#(kid)","typ":"at+jwt"}"#.utf8)).kid == id)
        #expect(try TokenHeader(json: Array(#" {"typ":"at+jwt", "kid":"\#(kid)", "alg":"RS256"} "#.utf8)).kid == id)
    }

    @Test("the prepared first part is that header")
    func segment() throws {
        let id = try #require(KeyID(kid))
        let json = try #require(Base64URL.decode(TokenHeader.encodedSegment(kid: id)))
        #expect(json == Array(#"{"alg":"RS256","kid":"\#(kid)","typ":"at+jwt"}"#.utf8))
        #expect(try TokenHeader(json: json).kid == id)
    }

    @Test(
        "at+jwt is accepted in any case and as a full media type (RFC 9068 section 4)",
        arguments: ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "Application/AT+jwt"]
    )
    func acceptsType(type: String) throws {
        _ = try TokenHeader(json: Array(#"{"alg":"RS256","kid":"\#(kid)","typ":"\#(type)"}"#.utf8))
    }

    @Test(
        "another type is refused",
        arguments: [
            #""JWT""#, #""jwt""#, #""id+jwt""#, #""at+jwt ""#, #""at+jwt;x=1""#, #""text/at+jwt""#,
            #""application/application/at+jwt""#,
            #""""#, "null", "1", #"["at+jwt"]"#, #""at\u0131jwt""#, #""at\u000bjwt""#, "\"\u{1D400}t+jwt\"", #""wit+jwt""#,
        ]
    )
    func refusesType(type: String) {
        #expect(code(#"{"alg":"RS256","kid":"\#(kid)","typ":\#(type)}"#) == .headerType)
    }

    @Test("a missing type is refused")
    func missingType() {
        #expect(code(#"{"alg":"RS256","kid":"\#(kid)"}"#) == .headerType)
    }

    @Test(
        "an algorithm other than exactly RS256 is refused",
        arguments: [
            #""none""#, #""None""#, #""NONE""#, #""""#, #""HS256""#, #""HS512""#, #""RS384""#, #""RS512""#, #""PS256""#,
            #""ES256""#,
            #""EdDSA""#, #""rs256""#, #""RS256 ""#, #"" RS256""#, #""RS256,none""#, #"["RS256"]"#, "null", "true", "256",
            #"{"RS256":1}"#,
        ]
    )
    func refusesAlgorithm(algorithm: String) {
        #expect(code(#"{"alg":\#(algorithm),"kid":"\#(kid)","typ":"at+jwt"}"#) == .headerAlgorithm)
    }

    @Test("a missing algorithm is refused")
    func missingAlgorithm() {
        #expect(code(#"{"kid":"\#(kid)","typ":"at+jwt"}"#) == .headerAlgorithm)
        #expect(code("{}") == .headerAlgorithm)
    }

    @Test("crit is refused whatever it lists", arguments: [#"["exp"]"#, #"["b64"]"#, "[]", "null", "true", #""""#])
    func refusesCritical(value: String) {
        #expect(code(#"{"alg":"RS256","kid":"\#(kid)","typ":"at+jwt","crit":\#(value)}"#) == .headerCritical)
    }

    @Test(
        "every other member is refused, above all those that name a key or change the payload",
        arguments: [
            #""jku":"https://attacker.example/keys""#, #""x5u":"https://attacker.example/cert""#,
            #""jwk":{"kty":"RSA","e":"AQAB"}"#,
            #""x5c":["AAAA"]"#, #""x5t":"AAAA""#, #""x5t#S256":"AAAA""#, #""b64":false"#, #""zip":"DEF""#, #""cty":"JWT""#,
            #""enc":"A128GCM""#, #""epk":{}"#, #""nonce":"1""#, #""Kid":"x""#, #""":1"#, #""k\u0131d":1"#,
        ]
    )
    func refusesUnexpected(member: String) {
        #expect(code(#"{"alg":"RS256","kid":"\#(kid)","typ":"at+jwt",\#(member)}"#) == .headerUnexpected)
        #expect(code(#"{\#(member),"alg":"RS256","kid":"\#(kid)","typ":"at+jwt"}"#) == .headerUnexpected)
        #expect(code(#"{\#(member),"alg":"RS256","typ":"at+jwt"}"#) == .headerUnexpected)
    }

    @Test(
        "a key identifier that is no thumbprint is refused",
        arguments: [
            #""""#, #""key-1""#, #""../keys/other.pem""#, #""' OR 1=1 --""#, "null", "7",
            #"["NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"]"#,
            #""NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xt""#, #""NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs=""#,
        ]
    )
    func refusesKeyID(value: String) {
        #expect(code(#"{"alg":"RS256","kid":\#(value),"typ":"at+jwt"}"#) == .headerKeyID)
    }

    @Test("a missing key identifier is refused")
    func missingKeyID() {
        #expect(code(#"{"alg":"RS256","typ":"at+jwt"}"#) == .headerKeyID)
    }

    @Test(
        "what is not one JSON object with each member once is refused",
        arguments: [
            "", "x", "[]", "\"RS256\"", "null", #"{"alg":"RS256""#, #"{"alg":"RS256","alg":"RS256"}"#,
            #"{"alg":"none","alg":"RS256"}"#,
            #"{"alg":"RS256","\u0061lg":"none"}"#, #"{"alg":"RS256"}{}"#, #"{"alg":"RS256\u0000"}"#, #"{"jwk":{"n":1,"n":2}}"#,
            #"{"crit":[],"crit":[]}"#, #"{"x":[[[[[[[[[]]]]]]]]]}"#,
        ]
    )
    func refusesMalformed(text: String) {
        #expect(code(text) == .headerMalformed)
    }

    @Test("of several faults the first in the order of the checks is reported")
    func order() {
        #expect(code(#"{"crit":[],"alg":"none","typ":"x","jku":1,"kid":1,"kid":1}"#) == .headerMalformed)
        #expect(code(#"{"kid":1,"jku":1,"typ":"x","alg":"none","crit":[]}"#) == .headerCritical)
        #expect(code(#"{"kid":1,"jku":1,"typ":"x","alg":"none"}"#) == .headerAlgorithm)
        #expect(code(#"{"kid":1,"jku":1,"typ":"x","alg":"RS256"}"#) == .headerType)
        #expect(code(#"{"kid":1,"jku":1,"typ":"at+jwt","alg":"RS256"}"#) == .headerUnexpected)
        #expect(code(#"{"kid":1,"typ":"at+jwt","alg":"RS256"}"#) == .headerKeyID)
    }

    private func code(_ json: String) -> JOSEError.Code? {
        failure { () throws(JOSEError) in try TokenHeader(json: Array(json.utf8)) }?.code
    }
}
