import CountersignTesting
import Testing

@testable import CountersignClient

/// What the issuer says beside the token: when to come back, who we are, what time it is.
struct TokenSourceAdviceTests {
    /// The second after the fetch at which the source comes back.
    private func comesBack(_ refreshIn: String, after seconds: Int) async throws {
        let answer = try World.answer(refreshIn: refreshIn)
        let caller = try Caller { _, _ throws(TokenError) in answer }
        try await caller.running {
            _ = try await caller.tokens.token(for: "search-svc")
            await caller.time.tick(seconds - 1)
            #expect(caller.transport.count == 1)
            await caller.time.tick(2)
            await eventually("came back") { caller.transport.count == 2 }
        }
    }

    @Test(arguments: [("120", 120), ("200", 200), ("50", 50)])
    func theIssuersAdviceIsFollowed(refreshIn: String, seconds: Int) async throws {
        try await comesBack(refreshIn, after: seconds)
    }

    @Test(arguments: [("1", 30), ("299", 269)])
    func adviceThatWouldCostAStormOrATokenIsBounded(refreshIn: String, seconds: Int) async throws {
        try await comesBack(refreshIn, after: seconds)
    }

    @Test(arguments: ["0", "-5", "300", "1e9", "\"120\"", "null", "9223372036854775807"])
    func adviceThatMakesNoSenseIsNone(refreshIn: String) async throws {
        // 55 % of 299 seconds.
        try await comesBack(refreshIn, after: 165)
    }

    @Test func aTokenOfAnotherServiceIsNotTakenAndTheOldOneKept() async throws {
        let caller = try Caller()
        try await caller.running {
            let first = try await caller.tokens.token(for: "search-svc")
            let other = try World.answer { $0.serviceID = "other-svc" }
            caller.transport.answer { _, _ throws(TokenError) in other }
            await caller.time.tick(170)
            await eventually("known") {
                caller.tokens.condition(of: "search-svc")?.failure == TokenError(.serviceMismatch, "")
            }
            #expect(try await caller.tokens.token(for: "search-svc").value == first.value)
        }
    }

    @Test func aNameOfOurOwnIsSentAndInsistedOn() async throws {
        let caller = try Caller(configuration: .init(clientID: "user-svc"))
        _ = try await caller.tokens.token(for: "search-svc")
        #expect(caller.transport.requests.last?.form.hasSuffix("&client_id=user-svc") == true)
        let other = try World.answer(audience: "mail-svc") { $0.serviceID = "other-svc" }
        caller.transport.answer { _, _ throws(TokenError) in other }
        await #expect(throws: TokenError(.serviceMismatch, "")) { try await caller.tokens.token(for: "mail-svc") }
    }

    @Test func howThingsStandIsTold() async throws {
        let caller = try Caller()
        #expect(caller.tokens.condition(of: "search-svc") == nil)
        try await caller.running {
            let token = try await caller.tokens.token(for: "search-svc")
            let good = caller.tokens.condition(of: "search-svc")
            #expect(good?.token?.value == token.value)
            #expect(good?.failure == nil)
            #expect(good?.refreshesIn == .milliseconds(164_450))
            caller.transport.answer { _, _ throws(TokenError) in World.json(400, #"{"error":"invalid_target"}"#) }
            await caller.time.tick(170)
            await eventually("known") { (caller.tokens.condition(of: "search-svc")?.failures ?? 0) > 0 }
            #expect(caller.tokens.condition(of: "search-svc")?.token?.value == token.value)
        }
    }
}

/// A second try with another token.
struct TokenSourceReplacingTests {
    @Test func aRejectedTokenIsReplacedByANewOne() async throws {
        let caller = try Caller()
        let first = try await caller.tokens.token(for: "search-svc")
        caller.time.advance(by: .seconds(10))
        let second = await caller.tokens.token(for: "search-svc", insteadOf: first)
        #expect(second != nil && second?.value != first.value)
        #expect(caller.transport.count == 2)
        // Whoever was refused with the first one gets the second, and nobody asks.
        #expect(await caller.tokens.token(for: "search-svc", insteadOf: first)?.value == second?.value)
        #expect(caller.transport.count == 2)
    }

    @Test func aReceiverThatRefusesEverythingDoesNotMakeUsAskAllTheTime() async throws {
        let caller = try Caller()
        var token = try await caller.tokens.token(for: "search-svc")
        for _ in 0..<100 {
            caller.time.advance(by: .milliseconds(100))
            if let next = await caller.tokens.token(for: "search-svc", insteadOf: token) { token = next }
        }
        #expect(caller.transport.count == 2)
    }

    @Test func aRejectedTokenStaysInUseWhenTheIssuerGivesNoOther() async throws {
        let caller = try Caller()
        let first = try await caller.tokens.token(for: "search-svc")
        caller.time.advance(by: .seconds(10))
        caller.transport.answer { _, _ throws(TokenError) in World.json(400, #"{"error":"invalid_target"}"#) }
        #expect(await caller.tokens.token(for: "search-svc", insteadOf: first) == nil)
        #expect(try await caller.tokens.token(for: "search-svc").value == first.value)
    }

    /// A service that was denied, or an issuer that is gone, under steady calls that are all refused.
    @Test(arguments: [TokenError.Code.refused, .unreachable])
    func whatTheIssuerDoesNotGiveIsNotAskedForAgainBeforeTenSeconds(code: TokenError.Code) async throws {
        let caller = try Caller()
        let first = try await caller.tokens.token(for: "search-svc")
        @Sendable func another() async throws -> AccessToken? {
            try await caller.time.passing { await caller.tokens.token(for: "search-svc", insteadOf: first) }
        }
        caller.time.advance(by: .seconds(60))
        caller.transport.answer { _, _ throws(TokenError) in
            if code == .unreachable { throw TokenError(.unreachable, "down") }
            return World.json(401, #"{"error":"invalid_client"}"#)
        }
        #expect(try await another() == nil)
        let (count, tried) = (caller.transport.count, caller.time.time.elapsed())
        #expect(count > 1)
        for _ in 0..<33 {
            caller.time.advance(by: .milliseconds(300))
            #expect(try await another() == nil)
        }
        #expect(caller.transport.count == count)
        // Nor did anybody wait.
        #expect(caller.time.time.elapsed() - tried == .milliseconds(9_900))
        caller.time.advance(by: .milliseconds(100))
        caller.transport.answer(World.goodScript(at: caller.time))
        let next = try await another()
        #expect(next != nil && next?.value != first.value)
        #expect(caller.transport.count == count + 1)
    }

    @Test func thoseThatAreRefusedTogetherShareOneReplacement() async throws {
        let caller = try Caller()
        let tokens = caller.tokens
        let first = try await tokens.token(for: "search-svc")
        caller.time.advance(by: .seconds(60))
        let gate = Gate()
        let good = World.goodScript(at: caller.time)
        caller.transport.answer { request, number throws(TokenError) in
            try await gate.pass()
            return try await good(request, number)
        }
        let values = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<20 { group.addTask { await tokens.token(for: "search-svc", insteadOf: first)?.value } }
            await eventually("the others wait") {
                tokens.flights.waiting(for: TokenRequest(audience: "search-svc", scope: [])) == 19
            }
            gate.open()
            return await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(values == [tokens.cachedToken(for: "search-svc")?.value])
        #expect(!values.contains(first.value))
        #expect(caller.transport.count == 2)
    }
}

/// The issuer's clock beside ours.
struct ClockComparisonTests {
    private let noon = Timestamp(secondsSince1970: 1_800_000_000)

    @Test(
        arguments: [
            (0, 0), (-1, 0), (1, 0), (2, 0), (3, 1), (-2, -1), (32, 30), (-31, -30),
        ] as [(Int64, Int64)])
    func theWayOfTheAnswerIsNoSkew(seconds: Int64, skew: Int64) {
        var clock = ClockComparison()
        let notice = clock.note(noon.adding(seconds: seconds), sentAt: noon, receivedAt: noon.adding(seconds: 2), at: .zero)
        #expect(notice == nil)
        #expect(clock.skew == .seconds(skew))
    }

    @Test(arguments: [(33, "behind"), (-32, "ahead of")] as [(Int64, String)])
    func aClockThatIsWrongIsToldOnceAnHour(seconds: Int64, side: String) throws {
        var clock = ClockComparison()
        let date = noon.adding(seconds: seconds)
        let first = clock.note(date, sentAt: noon, receivedAt: noon.adding(seconds: 2), at: .seconds(5))
        let notice = try #require(first)
        #expect(notice.isProblem)
        #expect(notice.message.contains("31 s \(side) the issuer's"))
        #expect(clock.note(date, sentAt: noon, receivedAt: noon, at: .seconds(3604)) == nil)
        #expect(clock.note(date, sentAt: noon, receivedAt: noon, at: .seconds(3605))?.isProblem == true)
        // And once when it is over.
        #expect(clock.note(noon, sentAt: noon, receivedAt: noon, at: .seconds(3606))?.isProblem == false)
        #expect(clock.note(noon, sentAt: noon, receivedAt: noon, at: .seconds(3607)) == nil)
    }

    @Test func theClientComparesWithEveryAnswer() async throws {
        var answer = try World.answer()
        answer.headers.append(("Date", "Fri, 15 Jan 2027 08:01:40 GMT"))
        let late = answer
        let caller = try Caller { _, _ throws(TokenError) in late }
        _ = try await caller.tokens.token(for: "search-svc")
        #expect(caller.tokens.issuer.clockSkew == .seconds(100))
    }
}
