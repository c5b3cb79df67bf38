import CountersignTesting
import Testing

@testable import CountersignClient

/// What a caller gets, when, and at the price of how many requests.
struct TokenSourceCachingTests {
    @Test func aTokenIsFetchedOnceAndThenTakenFromTheCache() async throws {
        let caller = try Caller()
        let first = try await caller.tokens.token(for: "search-svc")
        let second = try await caller.tokens.token(for: "search-svc")
        #expect(first.value == second.value)
        #expect(first.authorizationHeader == "Bearer \(first.value)")
        #expect(first.claims.audience == ["search-svc"])
        #expect(first.expiresAt == TestClock.now.adding(seconds: 300))
        #expect(caller.transport.count == 1)
        let request = try #require(caller.transport.requests.first)
        #expect(request.url == "https://tokens.link.internal:8443/oauth2/token")
        #expect(request.form == "grant_type=client_credentials&audience=search-svc")
    }

    @Test func aHundredCallersAtOnceCostOneRequest() async throws {
        let caller = try Caller()
        let gate = Gate()
        let good = World.goodScript()
        caller.transport.answer { request, number throws(TokenError) in
            try await gate.pass()
            return try await good(request, number)
        }
        let values = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<100 { group.addTask { try await caller.tokens.token(for: "search-svc").value } }
            let request = TokenRequest(audience: "search-svc", scope: [])
            await eventually("99 wait") { caller.tokens.flights.waiting(for: request) == 99 }
            gate.open()
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(values.count == 1)
        #expect(caller.transport.count == 1)
    }

    @Test func oneCancelledCallerDoesNotTakeTheTokenFromTheOthers() async throws {
        let caller = try Caller()
        let gate = Gate()
        let good = World.goodScript()
        caller.transport.answer { request, number throws(TokenError) in
            try await gate.pass()
            return try await good(request, number)
        }
        let first = Task { try await caller.tokens.token(for: "search-svc") }
        await eventually("the request is on its way") { caller.transport.count == 1 }
        let second = Task { try await caller.tokens.token(for: "search-svc") }
        let request = TokenRequest(audience: "search-svc", scope: [])
        await eventually("one waits") { caller.tokens.flights.waiting(for: request) == 1 }
        first.cancel()
        await #expect(throws: TokenError(.cancelled, "")) { try await first.value }
        gate.open()
        #expect(try await second.value.claims.audience == ["search-svc"])
    }

    @Test func eachAudienceAndEachScopeHasItsOwnToken() async throws {
        let caller = try Caller()
        _ = try await caller.tokens.token(for: "search-svc")
        _ = try await caller.tokens.token(for: "mail-svc")
        _ = try await caller.tokens.token(for: "search-svc", scope: ["search:write", "search:read"])
        #expect(caller.transport.count == 3)
        #expect(caller.transport.requests.last?.form.hasSuffix("&scope=search%3Aread+search%3Awrite") == true)
        // The order of scopes means nothing.
        _ = try await caller.tokens.token(for: "search-svc", scope: ["search:read", "search:write", "search:read"])
        #expect(caller.transport.count == 3)
    }

    @Test func audiencesThatOnlySwiftCallsEqualAreTwo() async throws {
        let composed = TokenRequest(audience: "caf\u{E9}", scope: [])
        let decomposed = TokenRequest(audience: "cafe\u{301}", scope: [])
        #expect("caf\u{E9}" == "cafe\u{301}")
        #expect(composed != decomposed)
    }

    @Test func anExpiredTokenIsNotGivenOut() async throws {
        let caller = try Caller()
        let first = try await caller.tokens.token(for: "search-svc")
        // Of 300 seconds one is taken off, because issuers cut the moment of issue to a whole second.
        caller.time.advance(by: .milliseconds(298_999))
        #expect(caller.tokens.cachedToken(for: "search-svc")?.value == first.value)
        caller.time.advance(by: .milliseconds(1))
        #expect(caller.tokens.cachedToken(for: "search-svc") == nil)
        #expect(try await caller.tokens.token(for: "search-svc").value != first.value)
    }

    @Test func theWallClockDoesNotMakeATokenLiveLongerOrDieEarly() async throws {
        let caller = try Caller()
        let first = try await caller.tokens.token(for: "search-svc")
        caller.time.setWallClock(forward: .seconds(86_400))
        #expect(caller.tokens.cachedToken(for: "search-svc")?.value == first.value)
        caller.time.setWallClock(forward: .seconds(-172_800))
        caller.time.advance(by: .seconds(300))
        #expect(caller.tokens.cachedToken(for: "search-svc") == nil)
    }

    @Test(arguments: ["", "two\nlines", "nul\u{0}", String(repeating: "a", count: 1025)])
    func anAudienceThatCannotBeSentIsRefusedUnsent(audience: String) async throws {
        let caller = try Caller()
        await #expect(throws: TokenError(.invalidRequest, "")) { try await caller.tokens.token(for: audience) }
        #expect(caller.transport.count == 0)
    }

    @Test(arguments: ["", "with space", "quo\"te", "back\\slash", "ümlaut"])
    func aScopeThatCannotBeSentIsRefusedUnsent(scope: String) async throws {
        let caller = try Caller()
        await #expect(throws: TokenError(.invalidRequest, "")) {
            try await caller.tokens.token(for: "search-svc", scope: [scope])
        }
        #expect(caller.transport.count == 0)
    }

    @Test func aTokenNeverShowsItselfInALog() async throws {
        let caller = try Caller()
        let token = try await caller.tokens.token(for: "search-svc")
        var dumped = ""
        dump(token, to: &dumped)
        for text in ["\(token)", String(reflecting: token), dumped] {
            #expect(!text.contains(token.value))
            #expect(text.contains("user-svc") && text.contains("search-svc"))
        }
    }

    @Test func theCacheIsBounded() async throws {
        let caller = try Caller()
        for index in 0..<(TokenCache.maxEntries + 10) {
            caller.time.advance(by: .milliseconds(1))
            _ = try await caller.tokens.token(for: "svc-\(index)")
        }
        #expect(caller.tokens.cachedToken(for: "svc-0") == nil)
        #expect(caller.tokens.cachedToken(for: "svc-\(TokenCache.maxEntries + 9)") != nil)
    }
}
