import CountersignClient
import CountersignJSON
import CountersignTesting
import Testing

@testable import Countersign
@testable import class CountersignClient.RemoteKeySource
@testable import struct CountersignClient.TokenError

/// The key set over the network, driven by a clock that is moved by hand.
struct RemoteKeySourceTests {
    private let keySet: JWKSet
    private let otherSet: JWKSet

    init() throws {
        keySet = try World.issuer.get().keys
        otherSet = try JWKSet(keySet.keys + [JWK(Self.otherKey.get().publicKey)])
    }

    private static let otherKey = Result { try RSAPrivateKey.generate() }

    private func unknownKey() throws -> KeyID { KeyID(of: try Self.otherKey.get().publicKey) }

    @Test func thereIsNoSetBeforeTheFirstFetchAndTheReasonIsTold() async throws {
        let receiver = try Receiver { _, _ throws(TokenError) in throw TokenError(.unreachable, "connection refused") }
        #expect(!receiver.keys.isReady)
        #expect(throws: KeysUnavailable.self) { try receiver.keys.keySet(at: TestClock.now) }
        let waiting = Task { try await receiver.keys.waitUntilReady() }
        await eventually("asked") { receiver.transport.count == 1 }
        _ = try? await receiver.time.passing(.seconds(1)) {
            await eventually("asked again and again") { receiver.transport.count >= 8 }
        }
        let error = #expect(throws: KeysUnavailable.self) { try receiver.keys.keySet(at: TestClock.now) }
        #expect(error?.message.contains("connection refused") == true)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    @Test func readinessWaitsForAnIssuerThatIsNotUpYet() async throws {
        let good = Receiver.good(keySet)
        let receiver = try Receiver { request, number throws(TokenError) in
            if number < 6 { throw TokenError(.unreachable, "connection refused") }
            return try await good(request, number)
        }
        try await receiver.time.passing { try await receiver.keys.waitUntilReady() }
        #expect(receiver.keys.isReady)
        #expect(try receiver.keys.keySet(at: receiver.time.wallClock).keys.keys == keySet.keys)
        let request = try #require(receiver.transport.requests.last)
        #expect(request.url == "https://tokens.link.internal:8443/.well-known/jwks.json")
        #expect(request.method == .get)
    }

    @Test func theSetIsRefreshedWellBeforeMaxAgeIsOver() async throws {
        let receiver = try Receiver(script: Receiver.good(keySet, headers: [("Cache-Control", "public, max-age=200")]))
        try await receiver.running {
            // 55 % of 200 seconds.
            await receiver.time.tick(109)
            #expect(receiver.transport.count == 1)
            receiver.transport.answer(Receiver.good(otherSet))
            await receiver.time.tick(2)
            await eventually("refreshed") {
                (try? receiver.keys.keySet(at: receiver.time.wallClock).keys.keys.count) == 2
            }
            #expect(receiver.transport.count == 2)
        }
    }

    @Test(arguments: [
        ("max-age=604800", 495), ("max-age=0", 10), ("max-age=15", 10), ("no-store", 10), ("no-cache, max-age=100", 10),
        ("max-age=x", 165), ("", 165),
    ])
    func maxAgeIsBoundedOnBothSides(value: String, seconds: Int) async throws {
        let receiver = try Receiver(script: Receiver.good(keySet, headers: [("Cache-Control", value)]))
        try await receiver.running {
            await receiver.time.tick(seconds - 1)
            #expect(receiver.transport.count == 1)
            await receiver.time.tick(2)
            await eventually("refreshed") { receiver.transport.count == 2 }
        }
    }

    @Test func aTagIsSentBackAndNothingNewKeepsTheSet() async throws {
        let receiver = try Receiver(script: Receiver.good(keySet, headers: [("ETag", "\"v1\"")]))
        try await receiver.running {
            let first = try receiver.keys.keySet(at: receiver.time.wallClock)
            receiver.transport.answer { _, _ in World.plain(304, "") }
            await receiver.time.tick(166)
            await eventually("asked for news") { receiver.transport.count == 2 }
            #expect(receiver.transport.requests.first?.header("If-None-Match") == nil)
            #expect(receiver.transport.requests.last?.header("If-None-Match") == "\"v1\"")
            // Hours of nothing new do not make it too old.
            for count in 3..<30 {
                await receiver.time.tick()
                receiver.time.advance(by: .seconds(300))
                await eventually("asked again") { receiver.transport.count == count }
            }
            #expect(try receiver.keys.keySet(at: receiver.time.wallClock) === first)
        }
    }

    @Test func theSameKeysAgainAreTheSameSet() async throws {
        let receiver = try Receiver(script: Receiver.good(keySet))
        try await receiver.running {
            let first = try receiver.keys.keySet(at: receiver.time.wallClock)
            await receiver.time.tick(170)
            await eventually("refreshed") { receiver.transport.count == 2 }
            #expect(try receiver.keys.keySet(at: receiver.time.wallClock) === first)
        }
    }

    @Test func afterTheHardMaximumAgeThereIsNoSet() async throws {
        let receiver = try Receiver(script: Receiver.good(keySet))
        try await receiver.keys.waitUntilReady()
        receiver.time.advance(by: .seconds(3600))
        #expect(try receiver.keys.keySet(at: receiver.time.wallClock).keys.keys == keySet.keys)
        receiver.time.advance(by: .seconds(1))
        #expect(throws: KeysUnavailable.self) { try receiver.keys.keySet(at: receiver.time.wallClock) }
        #expect(!receiver.keys.isReady)
        // A clock that was set back brings nothing back.
        receiver.time.setWallClock(forward: .seconds(-7200))
        #expect(throws: KeysUnavailable.self) { try receiver.keys.keySet(at: receiver.time.wallClock) }
    }

    @Test func theNumberOfTheSetChangesWithItAndEndsWithIt() async throws {
        let receiver = try Receiver(script: Receiver.good(keySet))
        var number: UInt64? { receiver.keys.generation?.current(at: receiver.time.wallClock) }
        #expect(number == nil)
        try await receiver.keys.waitUntilReady()
        let first = try #require(number)
        // The same keys again: what was remembered under them holds on.
        receiver.time.advance(by: .seconds(600))
        _ = try await receiver.keys.fetched(within: .seconds(1))
        #expect(number == first)
        receiver.transport.answer(Receiver.good(otherSet))
        _ = try await receiver.keys.fetched(within: .seconds(1))
        let second = try #require(number)
        #expect(second != first)
        // By either clock.
        receiver.time.setWallClock(forward: .seconds(3599))
        #expect(number == second)
        receiver.time.setWallClock(forward: .seconds(1))
        #expect(number == nil)
        receiver.time.setWallClock(forward: .seconds(-3600))
        #expect(number == second)
        receiver.time.advance(by: .seconds(3600))
        receiver.time.setWallClock(forward: .seconds(-7200))
        #expect(number == nil)
    }

    @Test func aWallClockSetForwardCostsOneFetchAndNoOutage() async throws {
        let receiver = try Receiver(script: Receiver.good(keySet))
        try await receiver.running {
            receiver.time.setWallClock(forward: .seconds(86_400))
            #expect(!receiver.keys.isReady)
            await receiver.time.tick()
            await eventually("ready again") { receiver.keys.isReady }
            #expect(receiver.transport.count == 2)
        }
    }

    @Test func anUnknownKeyCausesOneFetchAndFindsANewKey() async throws {
        let receiver = try Receiver(script: Receiver.good(keySet))
        try await receiver.keys.waitUntilReady()
        receiver.transport.answer(Receiver.good(otherSet))
        let set = try await receiver.keys.keySet(lacking: unknownKey(), at: receiver.time.wallClock)
        #expect(set.keys[try unknownKey()] != nil)
        #expect(receiver.transport.count == 2)
        // It is there now.
        _ = try await receiver.keys.keySet(lacking: unknownKey(), at: receiver.time.wallClock)
        #expect(receiver.transport.count == 2)
    }

    @Test func inventedKeysCostOneFetchForAllOfACooldown() async throws {
        let receiver = try Receiver(script: Receiver.good(keySet))
        try await receiver.keys.waitUntilReady()
        let gate = Gate()
        let good = Receiver.good(keySet)
        receiver.transport.answer { request, number throws(TokenError) in
            try await gate.pass()
            return try await good(request, number)
        }
        let invented = try (0..<50).map { index in
            try #require(KeyID(Base64URL.encode(SHA256.digest(of: [UInt8(index)]).bytes)))
        }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for kid in invented {
                group.addTask {
                    try await receiver.keys.keySet(lacking: kid, at: receiver.time.wallClock).keys[kid] == nil
                }
            }
            await eventually("asked") { receiver.transport.count == 2 }
            gate.open()
            for try await isUnknown in group { #expect(isUnknown) }
        }
        #expect(receiver.transport.count == 2)
        receiver.time.advance(by: .milliseconds(9_999))
        for kid in invented { _ = try await receiver.keys.keySet(lacking: kid, at: receiver.time.wallClock) }
        #expect(receiver.transport.count == 2)
        receiver.time.advance(by: .milliseconds(1))
        for kid in invented { _ = try await receiver.keys.keySet(lacking: kid, at: receiver.time.wallClock) }
        #expect(receiver.transport.count == 3)
    }

    @Test func anUnknownKeyThatCannotBeAskedForIsCannotKnow() async throws {
        let receiver = try Receiver(script: Receiver.good(keySet))
        try await receiver.keys.waitUntilReady()
        receiver.transport.answer { _, _ throws(TokenError) in throw TokenError(.unreachable, "down") }
        await #expect(throws: KeysUnavailable.self) {
            try await receiver.time.passing {
                try await receiver.keys.keySet(lacking: unknownKey(), at: receiver.time.wallClock)
            }
        }
        // Nor is it known during the cooldown, and nobody is asked.
        let count = receiver.transport.count
        await #expect(throws: KeysUnavailable.self) {
            try await receiver.keys.keySet(lacking: unknownKey(), at: receiver.time.wallClock)
        }
        #expect(receiver.transport.count == count)
        // The keys that are known are as good as before.
        #expect(try receiver.keys.keySet(at: receiver.time.wallClock).keys.keys == keySet.keys)
    }

    /// - Parameter isCancelled: the one that asks is given up by its sender, before it gives up itself.
    @Test(arguments: [true, false])
    func aCrowdOfInventedKeysSendsOneRequestToAnIssuerThatHangs(isCancelled: Bool) async throws {
        let receiver = try Receiver(script: Receiver.good(keySet))
        try await receiver.keys.waitUntilReady()
        receiver.transport.answer { _, _ throws(TokenError) in
            try await Gate().pass()
            throw TokenError(.unreachable, "never")
        }
        let kid = try unknownKey()
        let (keys, time) = (receiver.keys, receiver.time)
        @Sendable func isRefused() async -> Bool { (try? await keys.keySet(lacking: kid, at: time.wallClock)) == nil }
        let first = Task { await isRefused() }
        let refused = await withTaskGroup(of: Bool.self) { group in
            // Its own patience, and that of its request.
            await eventually("one asks") { time.sleeping.count == 2 && receiver.transport.count == 2 }
            time.advance(by: .milliseconds(500))
            for _ in 0..<49 { group.addTask { await isRefused() } }
            await eventually("49 wait") { keys.flights.waiting(for: .init()) == 49 && time.sleeping.count == 51 }
            // None of those that would wait for longer asks in its place.
            if isCancelled { first.cancel() } else { time.advance(by: .milliseconds(1500)) }
            await eventually("it is over") { keys.flights.waiting(for: .init()) == nil || receiver.transport.count > 2 }
            time.advance(by: .seconds(2))
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(await first.value)
        #expect(refused == 49)
        #expect(receiver.transport.count == 2)
    }

    @Test func aRequestWithAnUnknownKeyDoesNotWaitLongForASlowIssuer() async throws {
        let receiver = try Receiver(script: Receiver.good(keySet))
        try await receiver.keys.waitUntilReady()
        receiver.transport.answer { _, _ throws(TokenError) in
            try await Gate().pass()
            throw TokenError(.unreachable, "never")
        }
        let kid = try unknownKey()
        let waiting = Task { try await receiver.keys.keySet(lacking: kid, at: receiver.time.wallClock) }
        await eventually("asked") { receiver.transport.count == 2 }
        await receiver.time.untilAsleep(for: .seconds(2))
        receiver.time.advance(by: .seconds(2))
        await #expect(throws: KeysUnavailable.self) { try await waiting.value }
    }
}
