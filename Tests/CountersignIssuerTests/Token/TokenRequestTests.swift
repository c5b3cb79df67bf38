import Testing

@testable import CountersignIssuer

@Suite("A token request's form")
struct TokenRequestTests {
    @Test("is read with all its parameters")
    func complete() throws {
        let request = try parse(
            "grant_type=client_credentials&audience=search-svc&scope=search%3Aread+search:write&client_id=user-svc&lifetime=60&x=y"
        )
        #expect(
            request
                == TokenRequest(
                    target: .audience("search-svc"), scope: ["search:read", "search:write"], clientID: "user-svc", lifetime: 60
                )
        )
    }

    @Test("counts a parameter without value as omitted")
    func emptyParameters() throws {
        let request = try parse("grant_type=client_credentials&audience=a&scope=&client_id&lifetime=&resource=&&")
        #expect(request == TokenRequest(target: .audience("a")))
    }

    @Test("may say more than ASCII, as UTF-8")
    func beyondASCII() throws {
        let request = try parse("grant_type=client_credentials&audience=%C3%BC-svc&client_id=%F0%9F%98%80+%41&%C3%A9=1")
        #expect(request == TokenRequest(target: .audience("\u{fc}-svc"), clientID: "\u{1F600} A"))
    }

    @Test("may name a resource instead of an audience")
    func resource() throws {
        let request = try parse("grant_type=client_credentials&resource=https%3A%2F%2Forders.link.internal%2F")
        #expect(request.target == .resource("https://orders.link.internal/"))
    }

    @Test(
        "is an invalid request when a parameter is missing, repeated or unreadable",
        arguments: [
            "", "audience=a", "grant_type=&audience=a", "grant_type=client_credentials",
            "grant_type=client_credentials&audience=a&resource=https://b", "grant_type=client_credentials&audience=a&audience=b",
            "grant_type=client_credentials&audience=a&audience=a", "grant_type=client_credentials&audience=a&audience=",
            "grant_type=client_credentials&grant_type=client_credentials&audience=a",
            "grant_type=client_credentials&audience=a&x=1&x=2", "grant_type=client_credentials&audience=a&x&x",
            "grant_type=client_credentials&audience=a&%C3%A9=1&%C3%A9=2",
            "grant_type=client_credentials&audience=a&audi%65nce=b", "grant_type=client_credentials&audience=%",
            "grant_type=client_credentials&audience=%4", "grant_type=client_credentials&audience=%zz",
            "grant_type=client_credentials&audience=%ff", "grant_type=client_credentials&audience=%C0%80",
            "grant_type=client_credentials&audience=a%00b", "grant_type=client_credentials&audience=a&lifetime=0",
            "grant_type=client_credentials&audience=a&lifetime=-5", "grant_type=client_credentials&audience=a&lifetime=5m",
            "grant_type=client_credentials&audience=a&lifetime=+5", "grant_type=client_credentials&audience=a&lifetime=05",
            "grant_type=client_credentials&audience=a&lifetime=99999999999999999999",
        ]
    )
    func malformed(form: String) {
        let refusal = refusal(form)
        #expect(refusal?.reason == .requestMalformed)
        #expect(refusal?.error.code == .invalidRequest)
        #expect(refusal?.error.status == 400)
    }

    @Test("is refused when it authenticates in a second way", arguments: ["client_secret", "client_assertion"])
    func secondAuthentication(name: String) {
        let refusal = refusal("grant_type=client_credentials&audience=a&\(name)=x")
        #expect(refusal?.reason == .requestAuthentication)
        #expect(refusal?.error.code == .invalidRequest)
    }

    @Test(
        "has an invalid scope when it is not scope names with single spaces",
        arguments: ["+a", "a+", "a++b", "a%22", "a%5C", "%C3%A9", "a%09b"])
    func malformedScope(scope: String) {
        let refusal = refusal("grant_type=client_credentials&audience=a&scope=\(scope)")
        #expect(refusal?.error.code == .invalidScope)
    }

    @Test("is bounded")
    func bounded() {
        let start = "grant_type=client_credentials&audience=a&x="
        let filling = String(repeating: "a", count: FormBody.maximumBytes - start.utf8.count)
        #expect(refusal(start + filling) == nil)
        #expect(refusal(start + filling + "a")?.reason == .requestMalformed)
    }

    private func parse(_ form: String) throws -> TokenRequest {
        try TokenRequest(form: Array(form.utf8))
    }

    private func refusal(_ form: String) -> TokenRefusal? {
        do {
            _ = try TokenRequest(form: Array(form.utf8))
            return nil
        } catch {
            return error
        }
    }
}

@Suite("An OAuth error")
struct OAuthErrorTests {
    @Test("describes itself only with the characters that RFC 6749 allows")
    func characters() {
        let error = OAuthError(.invalidRequest, "a \"b\" \\c\n\u{E9} 'd' ~")
        #expect(error.message == "a ?b? ?c??? 'd' ~")
        #expect(
            String(decoding: error.body, as: UTF8.self)
                == #"{"error":"invalid_request","error_description":"a ?b? ?c??? 'd' ~"}"#
        )
    }

    @Test("has its status")
    func statuses() {
        #expect(OAuthError(.invalidClient, "").status == 401)
        #expect(OAuthError(.temporarilyUnavailable, "").status == 503)
        for code in [OAuthError.Code.invalidRequest, .unauthorizedClient, .unsupportedGrantType, .invalidScope, .invalidTarget] {
            #expect(OAuthError(code, "").status == 400)
        }
    }
}
