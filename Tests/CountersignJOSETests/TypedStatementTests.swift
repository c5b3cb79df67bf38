import CountersignCrypto
import CountersignJOSE
import Testing

@Suite("Typed statement")
struct TypedStatementTests {
    private static let type = "example-status+jwt"
    private let kid = TestKeys.rfc7638Thumbprint

    @Test("what a key states is read back and is signed by that key only")
    func roundTrip() throws {
        let signer = TokenSigner(key: try TestKeys.first.get())
        let statement = try TypedStatement(
            try signer.statement(type: Self.type, payload: Array(#"{"a":1}"#.utf8)), type: Self.type, maxBytes: 8192)
        #expect(statement.kid == signer.kid)
        #expect(statement.payload == Array(#"{"a":1}"#.utf8))
        #expect(try statement.isSigned(by: JWK(try TestKeys.first.get().publicKey)))
        #expect(try !statement.isSigned(by: JWK(try TestKeys.second.get().publicKey)))
    }

    @Test("the members of the header may stand in any order")
    func anyOrder() throws {
        let header = #"{"kid":"\#(kid)","typ":"\#(Self.type)","alg":"RS256"}"#
        #expect(try read(header).kid == KeyID(kid))
    }

    @Test("an access token is no statement, and nothing is signed but by RS256")
    func refusesOtherKinds() {
        #expect(code(#"{"alg":"RS256","kid":"\#(kid)","typ":"at+jwt"}"#) == .headerType)
        #expect(code(#"{"alg":"RS256","kid":"\#(kid)","typ":"\#(Self.type.uppercased())"}"#) == .headerType)
        #expect(code(#"{"alg":"none","kid":"\#(kid)","typ":"\#(Self.type)"}"#) == .headerAlgorithm)
        #expect(code(#"{"alg":"RS256","kid":"\#(kid)","typ":"\#(Self.type)","crit":["exp"]}"#) == .headerCritical)
    }

    @Test(
        "every other member is refused, with and without a key identifier",
        arguments: [#""jku":"https://attacker.example/keys""#, #""jwk":{}"#, #""b64":false"#, #""Kid":"x""#]
    )
    func refusesUnexpected(member: String) {
        #expect(code(#"{"alg":"RS256","kid":"\#(kid)","typ":"\#(Self.type)",\#(member)}"#) == .headerUnexpected)
        #expect(code(#"{\#(member),"alg":"RS256","kid":"\#(kid)","typ":"\#(Self.type)"}"#) == .headerUnexpected)
        #expect(code(#"{"alg":"RS256","typ":"\#(Self.type)",\#(member)}"#) == .headerUnexpected)
    }

    @Test("a key identifier that is missing or no thumbprint is refused", arguments: ["null", "7", #""""#, #""../jwks.json""#])
    func refusesKeyID(value: String) {
        #expect(code(#"{"alg":"RS256","kid":\#(value),"typ":"\#(Self.type)"}"#) == .headerKeyID)
        #expect(code(#"{"alg":"RS256","typ":"\#(Self.type)"}"#) == .headerKeyID)
    }

    private func read(_ header: String) throws(JOSEError) -> TypedStatement {
        let bytes = Array("\(Base64URL.encode(Array(header.utf8))).e30.AAAA".utf8)
        return try TypedStatement(bytes, type: Self.type, maxBytes: 8192)
    }

    private func code(_ header: String) -> JOSEError.Code? {
        failure { () throws(JOSEError) in try read(header) }?.code
    }
}
