import Countersign
import CountersignTesting
import Testing

/// Attacks by way of the JOSE header (RFC 8725 3.1, 3.10, 3.11).
@Suite struct HeaderAttacks {
    let receiver: Receiver

    init() throws {
        receiver = try Receiver.shared.get()
    }

    @Test func acceptsTheHeaderTheIssuerWritesAndItsEquivalents() async throws {
        #expect(await receiver.verdict(try receiver.token()) == "accepted")
        let kid = receiver.issuer.keyID
        #expect(
            await receiver.verdict(try receiver.token(header: #"{"typ":"at+jwt","kid":"\#(kid)","alg":"RS256"}"#)) == "accepted")
        #expect(
            await receiver.verdict(try receiver.token(header: #"{ "alg":"RS256","kid":"\#(kid)","typ":"application/AT+JWT"}"#))
                == "accepted"
        )
    }

    @Test(arguments: [
        #""none""#, #""None""#, #""HS256""#, #""RS384""#, #""RS512""#, #""PS256""#, #""ES256""#, #""rs256""#, #""""#, "null",
        #"["RS256"]"#, "1", "{}",
    ])
    func refusesAnyAlgorithmButRS256(algorithm: String) async throws {
        let header = #"{"alg":\#(algorithm),"kid":"\#(receiver.issuer.keyID)","typ":"at+jwt"}"#
        #expect(await receiver.verdict(try receiver.token(header: header)) == "header-algorithm")
    }

    @Test func refusesAMissingAlgorithm() async throws {
        let header = #"{"kid":"\#(receiver.issuer.keyID)","typ":"at+jwt"}"#
        #expect(await receiver.verdict(try receiver.token(header: header)) == "header-algorithm")
    }

    @Test func refusesAnUnsignedTokenWithAlgorithmNone() async throws {
        let payload = Base64URL.encode(try receiver.goodPayload())
        let header = Base64URL.encode(Array(#"{"alg":"none"}"#.utf8))
        #expect(await receiver.verdict("\(header).\(payload).") == "token-malformed")
        #expect(await receiver.verdict("\(header).\(payload).AAAA") == "header-algorithm")
    }

    @Test(arguments: [#""JWT""#, #""jwt""#, #""at+jwt ""#, #""""#, "null", "1", #""dpop+jwt""#])
    func refusesAnyTypeButAccessToken(type: String) async throws {
        let header = #"{"alg":"RS256","kid":"\#(receiver.issuer.keyID)","typ":\#(type)}"#
        #expect(await receiver.verdict(try receiver.token(header: header)) == "header-type")
    }

    @Test func refusesAMissingType() async throws {
        let header = #"{"alg":"RS256","kid":"\#(receiver.issuer.keyID)"}"#
        #expect(await receiver.verdict(try receiver.token(header: header)) == "header-type")
    }

    @Test(arguments: [#"["exp"]"#, "[]", "null", #"["b64"],"b64":false"#])
    func refusesEveryCriticalExtension(critical: String) async throws {
        let header = #"{"alg":"RS256","kid":"\#(receiver.issuer.keyID)","typ":"at+jwt","crit":\#(critical)}"#
        #expect(await receiver.verdict(try receiver.token(header: header)) == "header-critical")
    }

    @Test(arguments: [
        #""jku":"https://evil.example/keys""#, #""x5u":"https://evil.example/cert""#, #""jwk":{"kty":"RSA"}"#, #""x5c":["AAAA"]"#,
        #""x5t":"AAAA""#, #""b64":false"#, #""zip":"DEF""#, #""cty":"JWT""#, #""enc":"A256GCM""#,
    ])
    func refusesHeadersThatBringTheirOwnKeyOrMeaning(member: String) async throws {
        let header = #"{"alg":"RS256","kid":"\#(receiver.issuer.keyID)","typ":"at+jwt",\#(member)}"#
        #expect(await receiver.verdict(try receiver.token(header: header)) == "header-unexpected")
    }

    @Test(arguments: [
        #""../../etc/passwd""#, #""' OR 1=1 --""#, "1", "null", #""""#, #"["a"]"#, "\"\(String(repeating: "A", count: 44))\"",
        "\"\(String(repeating: "A", count: 42))B\"",
    ])
    func refusesKeyIdentifiersThatAreNoThumbprint(kid: String) async throws {
        #expect(
            await receiver.verdict(try receiver.token(header: #"{"alg":"RS256","kid":\#(kid),"typ":"at+jwt"}"#))
                == "header-key-id")
    }

    @Test func refusesAMissingKeyIdentifierAndAnUnknownOne() async throws {
        #expect(await receiver.verdict(try receiver.token(header: #"{"alg":"RS256","typ":"at+jwt"}"#)) == "header-key-id")
        let other = Base64URL.encode([UInt8](repeating: 7, count: 32))
        #expect(
            await receiver.verdict(try receiver.token(header: #"{"alg":"RS256","kid":"\#(other)","typ":"at+jwt"}"#))
                == "key-unknown")
    }

    @Test(arguments: [
        #"{"alg":"none","alg":"RS256","kid":"K","typ":"at+jwt"}"#, #"{"alg":"RS256","kid":"K","typ":"at+jwt","typ":"at+jwt"}"#,
        #"{"alg":"RS256","kid":"K","typ":"at+jwt"} "x"#, #"["RS256"]"#, "{", "\u{0}",
        #"{"alg":"RS256","kid":"K","typ":"at+jwt\u0000"}"#, #"{"alg":"RS256","kid":"\u0000","typ":"at+jwt"}"#,
        #"{"alg":"RS256","kid":"K","kid":"K","typ":"at+jwt"}"#, #"{"alg":"RS256","\u0061lg":"none","kid":"K","typ":"at+jwt"}"#,
        #"{"alg":"RS256","kid":"K","typ":{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{}}}}}}}}}}"#,
    ])
    func refusesHeadersThatAreNotOneCleanObject(header: String) async throws {
        let text = header.replacingOccurrences("K", with: receiver.issuer.keyID.rawValue)
        #expect(await receiver.verdict(try receiver.token(header: text)) == "header-malformed")
    }
}

extension String {
    /// Replaces the JSON string `"K"`, not every K.
    func replacingOccurrences(_ name: String, with value: String) -> String {
        split(separator: "\"\(name)\"", omittingEmptySubsequences: false).joined(separator: "\"\(value)\"")
    }
}
