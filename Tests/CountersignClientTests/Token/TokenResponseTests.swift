import CountersignTesting
import Testing

@testable import CountersignClient

/// An answer is looked at before its token is used: each refusal beside the nearest answer that is good.
struct TokenResponseTests {
    private func fetch(_ answer: IssuerAnswer, audience: String = "search-svc") async throws -> AccessToken {
        let caller = try Caller { _, _ in answer }
        return try await caller.tokens.token(for: audience)
    }

    private func expect(
        _ code: TokenError.Code,
        for answer: IssuerAnswer,
        _ location: SourceLocation = #_sourceLocation
    ) async {
        let error = await #expect(throws: TokenError.self, sourceLocation: location) { try await fetch(answer) }
        #expect(error?.code == code, sourceLocation: location)
        #expect(error?.message.contains("eyJhbGciOi") == false, "a token in the message", sourceLocation: location)
    }

    @Test func aGoodAnswerIsTaken() async throws {
        #expect(try await fetch(World.answer()).claims.serviceID == "user-svc")
        #expect(try await fetch(World.answer(tokenType: "bearer")).claims.serviceID == "user-svc")
        var answer = try World.answer()
        answer.headers = [("content-type", "Application/JSON; charset=UTF-8")]
        #expect(try await fetch(answer).claims.serviceID == "user-svc")
    }

    @Test func aTokenForAnotherAudienceIsRefused() async throws {
        await expect(.audienceMismatch, for: try World.answer(audience: "mail-svc"))
        await expect(.audienceMismatch, for: try World.answer(audience: "search-svc2"))
        let issuer = try World.issuer.get()
        let one = try issuer.claims(for: World.caller.get(), service: "user-svc", audience: "search-svc").json()
        let two = String(decoding: one, as: UTF8.self).replacing(#""search-svc""#, with: #"["search-svc","mail-svc"]"#)
        let header = #"{"alg":"RS256","kid":"\#(issuer.keyID)","typ":"at+jwt"}"#
        let token = try issuer.token(header: Array(header.utf8), payload: Array(two.utf8))
        await expect(.audienceMismatch, for: World.answer(token: token))
    }

    @Test func aTokenBoundToAnotherCertificateIsRefused() async throws {
        await expect(.bindingMismatch, for: try World.answer(for: World.renewedCaller.get()))
    }

    @Test func aTokenOfAnotherTypeIsRefused() async throws {
        await expect(.answerMalformed, for: try World.answer(tokenType: "DPoP"))
        await expect(.answerMalformed, for: try World.answer(tokenType: "N_A"))
    }

    @Test(arguments: ["0", "-1"])
    func aTokenWithoutALifeIsRefused(expiresIn: String) async throws {
        await expect(.tokenLifetime, for: try World.answer(expiresIn: expiresIn))
    }

    @Test(arguments: ["300.0", "\"300\"", "null", "1e400", "9223372036854775808"])
    func aLifeThatIsNoWholeNumberIsRefused(expiresIn: String) async throws {
        await expect(.answerMalformed, for: try World.answer(expiresIn: expiresIn))
    }

    @Test func aTokenThatExpiredBeforeItWasSentIsRefused() async throws {
        var answer = try World.answer()
        answer.headers.append(("Date", "Fri, 15 Jan 2027 08:04:59 GMT"))
        #expect(try await fetch(answer).claims.serviceID == "user-svc")
        answer.headers.removeLast()
        answer.headers.append(("Date", "Fri, 15 Jan 2027 08:05:00 GMT"))
        await expect(.tokenLifetime, for: answer)
        await expect(.tokenLifetime, for: try World.answer(expiresIn: "300") { $0.expiresAt = $0.issuedAt })
    }

    @Test func aTokenIsUsedNoLongerThanItsClaimsSay() async throws {
        let answer = try World.answer(lifetime: 300, expiresIn: "86400")
        let caller = try Caller { _, _ in answer }
        _ = try await caller.tokens.token(for: "search-svc")
        caller.time.advance(by: .seconds(299))
        #expect(caller.tokens.cachedToken(for: "search-svc") == nil)
    }

    @Test(arguments: [
        "", "plain text", "[]", "{}", #"{"access_token":"x"}"#, #"{"access_token":"x","expires_in":300}"#,
        #"{"access_token":"x","access_token":"y","token_type":"Bearer","expires_in":300}"#,
        #"{"access_token":7,"token_type":"Bearer","expires_in":300}"#,
        #"{"access_token":"x","token_type":"Bearer","expires_in":300"#,
    ])
    func anAnswerThatIsNotTheRightJSONIsRefused(body: String) async throws {
        await expect(.answerMalformed, for: World.json(200, body))
    }

    @Test func anAnswerThatIsNotJSONByItsTypeIsRefused() async throws {
        var answer = try World.answer()
        for types in [[], ["text/html"], ["application/json", "text/html"], ["application/jsonp"]] {
            answer.headers = types.map { (name: "Content-Type", value: $0) }
            await expect(.answerMalformed, for: answer)
        }
    }

    @Test func aTokenThatIsNoTokenIsRefused() async throws {
        for token in ["x", "a.b", "a.b.c", "", "..", "e30.e30.e30", String(repeating: "a", count: 9000)] {
            await expect(.tokenMalformed, for: World.answer(token: token))
        }
    }

    @Test func aTokenThatNoReceiverWouldReadIsRefused() async throws {
        let issuer = try World.issuer.get()
        let payload = try issuer.claims(for: World.caller.get(), service: "user-svc", audience: "search-svc").json()
        let kid = issuer.keyID
        let headers = [
            #"{"alg":"none"}"#,
            #"{"alg":"RS256","kid":"\#(kid)","typ":"JWT"}"#,
            #"{"alg":"HS256","kid":"\#(kid)","typ":"at+jwt"}"#,
        ]
        for header in headers {
            let token = try issuer.token(header: Array(header.utf8), payload: payload)
            await expect(.tokenMalformed, for: World.answer(token: token))
        }
    }

    @Test func anErrorWithoutAnOAuthBodyIsAnUnexpectedStatus() async throws {
        await expect(.unexpectedStatus, for: World.plain(404, "not found"))
        await expect(.unexpectedStatus, for: World.json(403, #"{"title":"Forbidden"}"#))
        await expect(.unexpectedStatus, for: World.plain(302, "", [("Location", "https://elsewhere.example")]))
        await expect(.refused, for: World.json(400, #"{"error":"invalid_request"}"#))
    }

    @Test func whatTheIssuerWritesReachesALogOnlyAsPrintableTextOfBoundedLength() async throws {
        let long = String(repeating: "x", count: 5000)
        let error = await #expect(throws: TokenError.self) {
            try await fetch(World.json(400, #"{"error":"bad\n\u001b[31mcode","error_description":"\#(long)"}"#))
        }
        #expect(error?.oauthCode == "bad[31mcode")
        #expect((error?.message.utf8.count ?? 0) < 500)
        #expect(error?.message.contains("\n") == false)
    }
}
