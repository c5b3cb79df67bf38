import CountersignTesting
import Testing

@testable import CountersignClient

/// What becomes of a caller without a token when the issuer does not give one.
struct TokenSourceFailureTests {
    @Test func aRefusalIsReportedWithItsCodeAndNotTriedAgain() async throws {
        let caller = try Caller { _, _ throws(TokenError) in
            World.json(401, #"{"error":"invalid_client","error_description":"no service has this certificate"}"#)
        }
        let error = await #expect(throws: TokenError.self) { try await caller.tokens.token(for: "search-svc") }
        #expect(error?.code == .refused)
        #expect(error?.oauthCode == "invalid_client")
        #expect(error?.status == 401)
        #expect(error?.isTemporary == false)
        #expect(error?.message.contains("no service has this certificate") == true)
        #expect(error?.hint != nil)
        #expect(caller.transport.count == 1)
        // Those who ask again at once get the same answer without the issuer being asked.
        await #expect(throws: TokenError(.refused, "")) { try await caller.tokens.token(for: "search-svc") }
        #expect(caller.transport.count == 1)
        // Another audience has nothing to do with it.
        await #expect(throws: TokenError(.refused, "")) { try await caller.tokens.token(for: "mail-svc") }
        #expect(caller.transport.count == 2)
        // After a while the answer may be another.
        caller.time.advance(by: .seconds(1))
        caller.transport.answer(World.goodScript(at: caller.time))
        #expect(try await caller.tokens.token(for: "search-svc").claims.serviceID == "user-svc")
    }

    @Test func aRefusalIsForgottenWhenTheCertificateIsAnother() async throws {
        let caller = try Caller { _, _ throws(TokenError) in World.json(401, #"{"error":"invalid_client"}"#) }
        await #expect(throws: TokenError(.refused, "")) { try await caller.tokens.token(for: "search-svc") }
        let renewed = try World.renewedCaller.get()
        caller.transport.renew(renewed.certificate)
        caller.transport.answer(World.goodScript(for: renewed))
        _ = try await caller.tokens.token(for: "search-svc")
    }

    @Test func aFailureThatPassesIsTriedAgainWithGrowingPauses() async throws {
        let caller = try Caller()
        let good = World.goodScript(at: caller.time)
        caller.transport.answer { request, number throws(TokenError) in
            if number < 4 { throw TokenError(.unreachable, "down") }
            return try await good(request, number)
        }
        async let token = caller.tokens.token(for: "search-svc")
        // Full jitter over 100, 200 and 400 ms; chance is 0.5.
        for pause in [50, 100, 200] {
            await caller.time.untilAsleep(for: .milliseconds(pause))
            caller.time.advance(by: .milliseconds(pause))
        }
        #expect(try await token.claims.serviceID == "user-svc")
        #expect(caller.transport.count == 4)
    }

    @Test func retryAfterIsWaitedFor() async throws {
        let caller = try Caller()
        let good = World.goodScript(at: caller.time)
        caller.transport.answer { request, number throws(TokenError) in
            if number == 1 {
                return World.json(503, #"{"error":"temporarily_unavailable"}"#, [("Retry-After", "3")])
            }
            return try await good(request, number)
        }
        async let token = caller.tokens.token(for: "search-svc")
        // Three seconds, and half of a quarter of them and of the first pause.
        await caller.time.untilAsleep(for: .milliseconds(3425))
        #expect(caller.transport.count == 1)
        caller.time.advance(by: .milliseconds(3425))
        #expect(try await token.claims.serviceID == "user-svc")
    }

    /// What an issuer answers that has too much to do, or whose caller has had its tokens.
    @Test(arguments: [
        (429, "application/json", #"{"error":"temporarily_unavailable","error_description":"try again in 3 s"}"#),
        (503, "application/problem+json", #"{"type":"about:blank","title":"Service Unavailable","status":503}"#),
        (429, "text/plain", "slow down"),
    ])
    func anIssuerThatHasEnoughToDoIsAskedAgainWhenItSays(status: Int, type: String, body: String) async throws {
        let caller = try Caller()
        let good = World.goodScript(at: caller.time)
        caller.transport.answer { request, number throws(TokenError) in
            if number == 1 { return World.plain(status, body, [("Retry-After", "3"), ("Content-Type", type)]) }
            return try await good(request, number)
        }
        async let token = caller.tokens.token(for: "search-svc")
        await caller.time.untilAsleep(for: .milliseconds(3425))
        #expect(caller.transport.count == 1)
        caller.time.advance(by: .milliseconds(3425))
        #expect(try await token.claims.serviceID == "user-svc")
    }

    @Test func aRetryAfterLongerThanTheCallerWaitsIsReportedAtOnceAndKept() async throws {
        let caller = try Caller { _, _ throws(TokenError) in
            World.json(503, #"{"error":"temporarily_unavailable"}"#, [("Retry-After", "60")])
        }
        let error = await #expect(throws: TokenError.self) { try await caller.tokens.token(for: "search-svc") }
        #expect(error?.code == .temporarilyUnavailable)
        #expect(error?.retryAfter == .seconds(60))
        caller.time.advance(by: .seconds(20))
        let later = await #expect(throws: TokenError.self) { try await caller.tokens.token(for: "mail-svc") }
        #expect(later?.code == .temporarilyUnavailable)
        #expect(later?.retryAfter == .milliseconds(47_550))
        #expect(caller.transport.count == 1)
        caller.time.advance(by: .milliseconds(47_550))
        caller.transport.answer(World.goodScript(at: caller.time))
        _ = try await caller.tokens.token(for: "search-svc")
    }

    @Test(arguments: [("120", 120), ("999999999999999", 300), ("Fri, 15 Jan 2027 08:01:30 GMT", 90), ("0", 0)])
    func retryAfterIsReadInBothFormsAndBounded(text: String, seconds: Int) {
        let answer = World.plain(503, "", [("Retry-After", text), ("Date", "Fri, 15 Jan 2027 08:00:00 GMT")])
        #expect(answer.retryAfter == .seconds(seconds))
    }

    @Test(arguments: ["-1", "soon", "", "1.5"])
    func aRetryAfterThatIsNoneIsIgnored(text: String) {
        #expect(World.plain(503, "", [("Retry-After", text)]).retryAfter == nil)
    }

    @Test func noCallerWaitsLongerThanTheFetchTimeout() async throws {
        let caller = try Caller { _, _ throws(TokenError) in throw TokenError(.unreachable, "down") }
        let before = caller.time.time.elapsed()
        await #expect(throws: TokenError(.unreachable, "")) {
            try await caller.time.passing { try await caller.tokens.token(for: "search-svc") }
        }
        #expect(caller.time.time.elapsed() - before <= .milliseconds(10_050))
        #expect(caller.transport.count > 4)
    }

    @Test func norDoesOneThatGoesOnWithTheWorkOfAnother() async throws {
        let caller = try Caller { _, _ throws(TokenError) in
            try await Gate().pass()
            throw TokenError(.unreachable, "never")
        }
        let request = TokenRequest(audience: "search-svc", scope: [])
        let before = caller.time.time.elapsed()
        let first = Task { try await caller.tokens.token(for: "search-svc") }
        await eventually("asked") { caller.transport.count == 1 }
        let second = Task { try await caller.tokens.token(for: "search-svc") }
        await eventually("waits") { caller.tokens.flights.waiting(for: request) == 1 }
        caller.time.advance(by: .seconds(4))
        first.cancel()
        await eventually("goes on") { caller.transport.count == 2 }
        await #expect(throws: TokenError(.timedOut, "")) {
            try await caller.time.passing(isHanging: true) { try await second.value }
        }
        #expect(caller.time.time.elapsed() - before <= .milliseconds(10_050))
    }

    /// Each token takes four seconds, and is bound to a certificate that was replaced meanwhile.
    @Test func norDoesOneWhoseCertificateIsReplacedAgainAndAgain() async throws {
        let caller = try Caller()
        let (one, other) = (try World.caller.get(), try World.renewedCaller.get())
        let (time, transport) = (caller.time, caller.transport)
        transport.answer { [weak transport] request, number throws(TokenError) in
            do { try await time.time.sleep(.seconds(4)) } catch { throw TokenError(.cancelled, "cancelled") }
            let (used, next) = number.isMultiple(of: 2) ? (other, one) : (one, other)
            transport?.renew(next.certificate)
            return try await World.goodScript(for: used, at: time)(request, number)
        }
        let before = time.time.elapsed()
        await #expect(throws: TokenError(.timedOut, "")) {
            try await time.passing(isHanging: true) { try await caller.tokens.token(for: "search-svc") }
        }
        #expect(transport.count == 3)
        #expect(time.time.elapsed() - before <= .milliseconds(10_050))
    }

    @Test func aRequestThatHangsIsGivenUpAndCountedAsLate() async throws {
        let caller = try Caller { _, _ throws(TokenError) in
            try await Gate().pass()
            throw TokenError(.unreachable, "never")
        }
        await #expect(throws: TokenError(.timedOut, "")) {
            try await caller.time.passing(.milliseconds(500), isHanging: true) {
                try await caller.tokens.token(for: "search-svc")
            }
        }
        #expect((2...3).contains(caller.transport.count))
    }
}

/// Several addresses of one issuer.
struct FailoverTests {
    private let addresses = ["https://one.internal", "https://two.internal:8443", "https://three.internal/"]

    private func script(
        failing: Set<String>,
        with failure: @escaping @Sendable (String) async throws(TokenError) -> IssuerAnswer
    ) -> ScriptedTransport.Script {
        let good = World.goodScript()
        return { request, number throws(TokenError) in
            for host in failing where request.url.hasPrefix("https://\(host).internal") { return try await failure(request.url) }
            return try await good(request, number)
        }
    }

    @Sendable private static func hang(_ url: String) async throws(TokenError) -> IssuerAnswer {
        try await Gate().pass()
        throw TokenError(.unreachable, url)
    }

    private func hosts(_ caller: Caller) -> [String] {
        caller.transport.requests.map { String($0.url.dropFirst("https://".count).prefix { $0 != "." }) }
    }

    @Test(arguments: [TokenError.Code.unreachable, .timedOut, .issuerNotTrusted, .certificateRefused])
    func theNextAddressIsTriedAtOnce(code: TokenError.Code) async throws {
        let script = script(failing: ["one"]) { url throws(TokenError) in throw TokenError(code, url) }
        let caller = try Caller(addresses, script: script)
        _ = try await caller.tokens.token(for: "search-svc")
        #expect(hosts(caller) == ["one", "two"])
        #expect(
            caller.transport.requests.map(\.url) == [
                "https://one.internal/oauth2/token", "https://two.internal:8443/oauth2/token",
            ])
    }

    @Test(arguments: [301, 307, 404, 500, 503])
    func aStatusThatIsNoAnswerLeadsToTheNextAddress(status: Int) async throws {
        let caller = try Caller(addresses, script: script(failing: ["one", "two"]) { _ in World.plain(status, "no") })
        _ = try await caller.tokens.token(for: "search-svc")
        #expect(hosts(caller) == ["one", "two", "three"])
    }

    @Test func theAddressThatAnsweredIsAskedFirstFromThenOn() async throws {
        let script = script(failing: ["one"]) { url throws(TokenError) in throw TokenError(.unreachable, url) }
        let caller = try Caller(addresses, script: script)
        _ = try await caller.tokens.token(for: "search-svc")
        _ = try await caller.tokens.token(for: "mail-svc")
        #expect(hosts(caller) == ["one", "two", "two"])
    }

    /// Each gets its part of the time, and who hung comes last the next time.
    @Test func addressesThatHangLeaveTimeForTheOthers() async throws {
        let caller = try Caller(addresses, script: script(failing: ["one", "two"], with: Self.hang))
        let before = caller.time.time.elapsed()
        _ = try await caller.time.passing(isHanging: true) { try await caller.tokens.token(for: "search-svc") }
        #expect(hosts(caller) == ["one", "two", "three"])
        // A third of ten seconds, and half of what is left.
        #expect(caller.time.time.elapsed() - before < .seconds(7))
        caller.transport.answer(script(failing: ["two", "three"], with: Self.hang))
        _ = try await caller.time.passing(isHanging: true) { try await caller.tokens.token(for: "mail-svc") }
        #expect(hosts(caller).suffix(2) == ["three", "one"])
    }

    /// A caller that gives up before we do tells nothing to anybody; the next one begins with another address all the same.
    @Test(arguments: [(Duration.milliseconds(499), "one"), (.milliseconds(500), "two")])
    func anAddressThatHungUntilTheCallerGaveUpComesLast(patience: Duration, next: String) async throws {
        let caller = try Caller(addresses, script: script(failing: ["one"], with: Self.hang))
        let first = Task { try await caller.tokens.token(for: "search-svc") }
        await caller.time.untilAsleep(for: .seconds(10) / 3)
        caller.time.advance(by: patience)
        first.cancel()
        await #expect(throws: TokenError(.cancelled, "")) { try await first.value }
        _ = try await caller.time.passing(isHanging: true) { try await caller.tokens.token(for: "search-svc") }
        #expect(hosts(caller).prefix(2) == ["one", next])
    }

    @Test func aRefusalIsTheAnswerOfAllAddresses() async throws {
        let script = script(failing: ["one"]) { _ in World.json(400, #"{"error":"invalid_target"}"#) }
        let caller = try Caller(addresses, script: script)
        await #expect(throws: TokenError(.refused, "")) { try await caller.tokens.token(for: "search-svc") }
        #expect(hosts(caller) == ["one"])
    }

    @Test func anAddressThatDoesNotTrustUsIsLeftAloneAndTheFailureToldAtOnce() async throws {
        let caller = try Caller { _, _ throws(TokenError) in throw TokenError(.certificateRefused, "expired") }
        await #expect(throws: TokenError(.certificateRefused, "")) { try await caller.tokens.token(for: "search-svc") }
        await #expect(throws: TokenError(.certificateRefused, "")) { try await caller.tokens.token(for: "mail-svc") }
        #expect(caller.transport.count == 1)
        // With another certificate it is worth another try.
        let renewed = try World.renewedCaller.get()
        caller.transport.renew(renewed.certificate)
        caller.transport.answer(World.goodScript(for: renewed))
        _ = try await caller.tokens.token(for: "search-svc")
    }

    @Test(arguments: [
        "", "tokens.link.internal", "http://tokens.link.internal", "https://", "https://user@tokens.link.internal",
        "https://tokens.link.internal?x=1", "https://tokens.link.internal#x", "https://tokens.link.internal/ a", "file:///etc",
    ])
    func anAddressThatIsNoneIsRefused(address: String) throws {
        #expect(throws: TokenError(.invalidRequest, "")) { try IssuerAddress(address) }
    }

    /// The issuer would drop the field without a word, and take all such processes for one.
    @Test(arguments: ["", "user svc", "user/0", "naïve", String(repeating: "a", count: 65)])
    func anInstanceThatTheIssuerWouldNotTakeIsRefused(name: String) throws {
        let transport = ScriptedTransport(try World.certificate(), time: ManualTime(), World.goodScript())
        let error = #expect(throws: TokenError(.invalidRequest, "")) {
            try IssuerClient(addresses, transport: transport, configuration: .init(instance: name))
        }
        #expect(error?.message.contains("1 to 64 letters") == true)
        _ = try IssuerClient(addresses, transport: transport, configuration: .init(instance: "User-svc_7.a"))
        _ = try IssuerClient(addresses, transport: transport, configuration: .init(instance: String(repeating: "a", count: 64)))
    }

    @Test func noAddressAtAllIsRefused() throws {
        #expect(throws: TokenError(.invalidRequest, "")) { try Caller([]) }
    }
}
