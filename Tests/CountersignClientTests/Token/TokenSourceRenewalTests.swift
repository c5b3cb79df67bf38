import CountersignTesting
import Testing

@testable import CountersignClient

/// Renewal ahead of time, and what an issuer that is slow or gone does to those who have a token: nothing.
struct TokenSourceRenewalTests {
    @Test func aTokenIsRenewedInTheBackgroundBetweenHalfAndSixTenthsOfItsLife() async throws {
        let caller = try Caller()
        try await caller.running {
            let first = try await caller.tokens.token(for: "search-svc")
            // Chance is 0.5, so the time is 55 % of 299 seconds.
            await caller.time.tick(164)
            #expect(caller.transport.count == 1)
            await caller.time.tick()
            await eventually("renewed") { caller.transport.count == 2 }
            await eventually("replaced") { caller.tokens.cachedToken(for: "search-svc")?.value != first.value }
            #expect(caller.transport.count == 2)
        }
    }

    @Test(arguments: [(0.0, 50.0), (0.5, 55.0), (0.999, 59.99)])
    func theMomentOfRenewalIsSpreadOverATenthOfTheLife(chance: Double, percent: Double) {
        let time = ManualTime()
        time.setRandom(chance)
        let point = time.time.refreshPoint(of: .seconds(1000))
        #expect(point == .seconds(1000) * (percent / 100))
    }

    @Test func aValidTokenIsReturnedAtOnceWhileTheIssuerHangs() async throws {
        let caller = try Caller()
        try await caller.running {
            let first = try await caller.tokens.token(for: "search-svc")
            caller.transport.answer { _, _ throws(TokenError) in
                try await Gate().pass()
                throw TokenError(.unreachable, "never")
            }
            await caller.time.tick(166, isHanging: true)
            await eventually("a renewal hangs") { caller.transport.count == 2 }
            #expect(try await caller.tokens.token(for: "search-svc").value == first.value)
            // Until its very end.
            await caller.time.tick(132, isHanging: true)
            #expect(try await caller.tokens.token(for: "search-svc").value == first.value)
        }
    }

    @Test func anIssuerThatIsDownForAWhileIsNotNoticedByThoseWhoHaveAToken() async throws {
        let caller = try Caller()
        try await caller.running {
            let first = try await caller.tokens.token(for: "search-svc")
            caller.transport.answer { _, _ throws(TokenError) in throw TokenError(.unreachable, "down") }
            for _ in 0..<250 {
                await caller.time.tick()
                #expect(try await caller.tokens.token(for: "search-svc").value == first.value)
            }
            let attempts = caller.transport.count
            #expect(attempts > 2 && attempts < 60)
            caller.transport.answer(World.goodScript(at: caller.time))
            await caller.time.tick(48)
            await eventually("renewed") { caller.tokens.cachedToken(for: "search-svc")?.value != first.value }
        }
    }

    @Test func aRefusedRenewalLeavesTheTokenInUse() async throws {
        let caller = try Caller()
        try await caller.running {
            let first = try await caller.tokens.token(for: "search-svc")
            caller.transport.answer { _, _ throws(TokenError) in World.json(400, #"{"error":"invalid_target"}"#) }
            await caller.time.tick(170)
            await eventually("asked again") { caller.transport.count > 1 }
            #expect(try await caller.tokens.token(for: "search-svc").value == first.value)
        }
    }

    @Test func whatWasRefusedIsNotAskedForAgainInTheBackground() async throws {
        let caller = try Caller { _, _ throws(TokenError) in World.json(400, #"{"error":"invalid_target"}"#) }
        try await caller.running {
            await #expect(throws: TokenError(.refused, "")) { try await caller.tokens.token(for: "search-svc") }
            await caller.time.tick(200)
            #expect(caller.transport.count == 1)
        }
    }

    @Test func aTokenThatCouldNotBeHadIsFetchedInTheBackgroundWhenTheIssuerIsBack() async throws {
        let caller = try Caller { _, _ throws(TokenError) in
            World.json(503, #"{"error":"temporarily_unavailable"}"#, [("Retry-After", "30")])
        }
        try await caller.running {
            await #expect(throws: TokenError(.temporarilyUnavailable, "")) {
                try await caller.tokens.token(for: "search-svc")
            }
            caller.transport.answer(World.goodScript(at: caller.time))
            await caller.time.tick(60)
            await eventually("fetched") { caller.tokens.cachedToken(for: "search-svc") != nil }
        }
    }

    @Test func aNewCertificateDropsTheTokensOfTheOldOneAndFetchesNewOnes() async throws {
        let caller = try Caller()
        let renewed = try World.renewedCaller.get()
        try await caller.running {
            _ = try await caller.tokens.token(for: "search-svc")
            caller.transport.answer(World.goodScript(for: renewed, at: caller.time))
            caller.transport.renew(renewed.certificate)
            #expect(caller.tokens.cachedToken(for: "search-svc") == nil)
            await caller.time.tick()
            await eventually("fetched for the new certificate") {
                caller.tokens.cachedToken(for: "search-svc")?.certificateSHA256 == renewed.certificate.sha256
            }
            #expect(caller.transport.count == 2)
        }
    }

    @Test func aCertificateReplacedWhileATokenIsOnItsWayCostsOneMoreRequest() async throws {
        let caller = try Caller()
        let renewed = try World.renewedCaller.get()
        let transport = caller.transport
        let forOld = World.goodScript()
        let forNew = World.goodScript(for: renewed)
        transport.answer { request, number throws(TokenError) in
            if number > 1 { return try await forNew(request, number) }
            transport.renew(renewed.certificate)
            return try await forOld(request, number)
        }
        let token = try await caller.tokens.token(for: "search-svc")
        #expect(token.certificateSHA256 == renewed.certificate.sha256)
        #expect(transport.count == 2)
    }

    @Test func whatNobodyUsesIsNoLongerRenewed() async throws {
        let caller = try Caller(configuration: .init(forgetAfter: .seconds(400)))
        try await caller.running {
            _ = try await caller.tokens.token(for: "search-svc")
            // Renewed at 165 and at 330 seconds; a renewal is no use.
            await caller.time.tick(1000)
            #expect(caller.transport.count == 3)
        }
    }

    @Test func withoutAServiceATokenThatIsDueIsReturnedAtOnceAndRenewedMeanwhile() async throws {
        let caller = try Caller()
        let first = try await caller.tokens.token(for: "search-svc")
        caller.time.advance(by: .seconds(165))
        let gate = Gate()
        let good = World.goodScript(at: caller.time)
        caller.transport.answer { request, number throws(TokenError) in
            try await gate.pass()
            return try await good(request, number)
        }
        // The issuer does not answer, and nobody waits for it; all of them together ask once.
        for _ in 0..<20 { #expect(try await caller.tokens.token(for: "search-svc").value == first.value) }
        await eventually("asked") { caller.transport.count == 2 }
        gate.open()
        await eventually("renewed") { caller.tokens.cachedToken(for: "search-svc")?.value != first.value }
        #expect(caller.transport.count == 2)
    }

    @Test func withoutAServiceTheOldTokenIsReturnedWhenRenewalFails() async throws {
        let caller = try Caller()
        let first = try await caller.tokens.token(for: "search-svc")
        caller.time.advance(by: .seconds(165))
        caller.transport.answer { _, _ throws(TokenError) in World.json(400, #"{"error":"invalid_target"}"#) }
        #expect(try await caller.tokens.token(for: "search-svc").value == first.value)
        await eventually("known") { caller.tokens.condition(of: "search-svc")?.failure != nil }
        // For a while after that, nobody tries.
        let attempts = caller.transport.count
        for _ in 0..<20 { #expect(try await caller.tokens.token(for: "search-svc").value == first.value) }
        #expect(caller.transport.count == attempts)
        // Then somebody does.
        caller.time.advance(by: .seconds(2))
        caller.transport.answer(World.goodScript(at: caller.time))
        #expect(try await caller.tokens.token(for: "search-svc").value == first.value)
        await eventually("renewed") { caller.tokens.cachedToken(for: "search-svc")?.value != first.value }
    }
}
