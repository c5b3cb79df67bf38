import CountersignClient
import CountersignTesting
import Logging
import Testing

@testable import Countersign
@testable import class CountersignClient.RemoteKeySource
@testable import class CountersignClient.RemoteStatusSource
@testable import struct CountersignClient.TokenError

/// The status over the network, driven by a clock that is moved by hand.
struct RemoteStatusSourceTests {
    private static let keys = Result { try (0..<2).map { _ in try RSAPrivateKey.generate() } }

    /// An issuer that signs what it is told, and a receiver of its status.
    private struct Site {
        let time = ManualTime()
        let transport: ScriptedTransport
        let status: RemoteStatusSource
        let signers: [TokenSigner]

        init(poll: Duration? = nil, acceptsStale: Bool = false, addresses: [String] = [World.address]) throws {
            signers = try RemoteStatusSourceTests.keys.get().map(TokenSigner.init(key:))
            transport = ScriptedTransport(try World.certificate(), time: time) { _, _ throws(TokenError) in
                throw TokenError(.unreachable, "connection refused")
            }
            let issuer = try IssuerClient(addresses, transport: transport, time: time.time, logger: .silent)
            status = RemoteStatusSource(
                issuer, keys: RemoteKeySource(issuer), expecting: World.address,
                configuration: .init(poll: poll, acceptsStale: acceptsStale)
            )
        }

        func keySet(_ indices: [Int]) throws -> IssuerAnswer {
            let set = try JWKSet(try indices.map { JWK(try RemoteStatusSourceTests.keys.get()[$0].publicKey) })
            return World.plain(200, String(decoding: set.json, as: UTF8.self), [("Content-Type", "application/jwk-set+json")])
        }

        func document(
            _ number: Int64, revoking: Revocations = .none, signedBy index: Int = 0, age: Int64 = 0,
            issuer: String = World.address,
            type: String = RevocationStatus.type
        ) throws -> IssuerAnswer {
            let issuedAt = time.wallClock.adding(seconds: -age)
            let status = RevocationStatus(
                issuer: issuer, issuedAt: issuedAt, expiresAt: issuedAt.adding(seconds: 120), poll: 15, number: number,
                revocations: revoking
            )
            let bytes = try signers[index].statement(type: type, payload: try status.json())
            return World.plain(
                200, String(decoding: bytes, as: UTF8.self),
                [("Content-Type", "application/\(RevocationStatus.type)"), ("ETag", "\"\(number)\""), ("Age", "\(age)")]
            )
        }

        func serve(_ document: IssuerAnswer, keys indices: [Int] = [0]) throws {
            let set = try keySet(indices)
            transport.answer { request, _ throws(TokenError) in request.url.hasSuffix("jwks.json") ? set : document }
        }

        func goSilent() {
            transport.answer { _, _ throws(TokenError) in throw TokenError(.unreachable, "connection refused") }
        }

        var revocations: Revocations? { try? status.revocations(at: time.wallClock) }
    }

    private func kid(_ index: Int) throws -> KeyID { KeyID(of: try Self.keys.get()[index].publicKey) }

    @Test func beforeTheFirstDocumentNothingIsKnownAndEverythingIsRefused() async throws {
        for acceptsStale in [false, true] {
            let site = try Site(acceptsStale: acceptsStale)
            #expect(throws: StatusUnavailable.self) { try site.status.revocations(at: site.time.wallClock) }
            try await site.time.passing { await site.status.fetch() }
            let error = #expect(throws: StatusUnavailable.self) { try site.status.revocations(at: site.time.wallClock) }
            #expect(error?.message.contains("connection refused") == true)
            #expect(!site.status.isReady)
        }
    }

    @Test func aGoodDocumentIsTakenOverAndAskedForByItsTag() async throws {
        let site = try Site()
        try site.serve(try site.document(3, revoking: Revocations(services: ["user-svc"])))
        await site.status.fetch()
        #expect(site.revocations?.services == ["user-svc"])
        #expect(site.status.number == 3)
        site.transport.answer { _, _ in World.plain(304, "") }
        await site.status.fetch()
        #expect(site.transport.requests.last?.header("If-None-Match") == "\"3\"")
        #expect(site.transport.requests.last?.header("Countersign-Instance")?.isEmpty == false)
        #expect(site.status.isReady)
    }

    @Test func anIssuerWhoseDocumentIsNotGoodIsPassedOverForTheNextAddress() async throws {
        for bad in ["another key", "an older state", "another name"] {
            let site = try Site(addresses: ["https://bad.link.internal:8443", World.address])
            let set = try site.keySet([0])
            try site.serve(try site.document(4))
            await site.status.fetch()
            let wrong =
                switch bad {
                case "another key": try site.document(9, signedBy: 1)
                case "an older state": try site.document(3)
                default: try site.document(9, issuer: "https://other.link.internal:8443")
                }
            let good = try site.document(5, revoking: Revocations(services: ["user-svc"]))
            site.transport.answer { request, _ throws(TokenError) in
                request.url.hasSuffix("jwks.json") ? set : request.url.hasPrefix("https://bad") ? wrong : good
            }
            try await site.time.passing { await site.status.fetch() }
            #expect(site.status.number == 5, "\(bad)")
            #expect(site.revocations?.services == ["user-svc"], "\(bad)")
        }
    }

    @Test func itIsFetchedEveryFifteenSecondsAtTheLatest() async throws {
        let site = try Site()
        site.time.setRandom(0)
        try site.serve(try site.document(1))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await site.status.run() }
            defer { group.cancelAll() }
            await eventually("fetched") { site.status.isReady }
            let before = site.transport.count
            await site.time.tick(15)
            await eventually("fetched again") { site.transport.count > before }
        }
    }

    /// The document lives for two minutes, whatever is configured.
    @Test func howeverSeldomItIsToBeFetchedTheNextOneIsThereInTime() async throws {
        let site = try Site(poll: .seconds(300))
        try site.serve(try site.document(1))
        await site.status.fetch()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await site.status.run() }
            defer { group.cancelAll() }
            for second in 1...300 {
                try site.serve(try site.document(1))
                await site.time.tick()
                #expect(site.status.isReady, "after \(second) s")
            }
        }
        // About once a minute, and the key set with it.
        let asked = site.transport.requests.count { $0.url.hasSuffix("countersign-status") }
        #expect((5...8).contains(asked))
    }

    @Test func whoWaitsForAGoodDocumentDoesNotAskMoreOftenThanTheService() async throws {
        let site = try Site()
        try site.serve(try site.document(1, issuer: "https://elsewhere"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await site.status.run() }
            group.addTask { try await site.status.waitUntilReady() }
            defer { group.cancelAll() }
            await site.time.tick(60)
            // Pauses of 0.1 s at first, and of 7.5 s, half of the usual time between two documents, in the end.
            let asked = site.transport.requests.count { $0.url.hasSuffix("countersign-status") }
            #expect((1...16).contains(asked))
            try site.serve(try site.document(1))
            await site.time.tick(16)
            try await group.next()
            #expect(site.status.isReady)
        }
    }

    @Test func allThatWaitForADocumentWaitForOneRequest() async throws {
        let site = try Site()
        let gate = Gate()
        let (set, document) = (try site.keySet([0]), try site.document(1))
        site.transport.answer { request, _ throws(TokenError) in
            try await gate.pass()
            return request.url.hasSuffix("jwks.json") ? set : document
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await site.status.run() }
            defer { group.cancelAll() }
            for _ in 0..<3 { group.addTask { try await site.status.waitUntilReady() } }
            await eventually("three wait for the fourth") { site.status.flights.waiting(for: .init()) == 3 }
            gate.open()
            for _ in 0..<3 { try await group.next() }
        }
        #expect(site.transport.requests.map { $0.url.hasSuffix("jwks.json") } == [false, true])
    }

    @Test func pastItsTimeItIsRefusedAlsoWhenTheIssuerOnlyConfirmsIt() async throws {
        for isSilent in [true, false] {
            let site = try Site()
            try site.serve(try site.document(1))
            await site.status.fetch()
            if isSilent { site.goSilent() } else { site.transport.answer { _, _ in World.plain(304, "") } }
            site.time.advance(by: .seconds(119))
            if !isSilent { await site.status.fetch() }
            #expect(site.status.isReady)
            site.time.advance(by: .seconds(1))
            #expect(throws: StatusUnavailable.self) { try site.status.revocations(at: site.time.wallClock) }
        }
    }

    @Test func theTimeCountsFromWhenItWasSignedByTheIssuersClockAndNotFromWhenItCame() async throws {
        let site = try Site()
        try site.serve(try site.document(1, age: 30))
        await site.status.fetch()
        site.time.advance(by: .seconds(89))
        #expect(site.status.isReady)
        site.time.advance(by: .seconds(1))
        #expect(!site.status.isReady)
    }

    @Test func aWallClockThatIsSetBackDoesNotMakeItHoldLonger() async throws {
        let site = try Site()
        try site.serve(try site.document(1))
        await site.status.fetch()
        site.time.setWallClock(forward: .seconds(-3600))
        site.time.advance(by: .seconds(120))
        #expect(!site.status.isReady)
    }

    @Test(arguments: [false, true])
    func theNumberOfWhatIsRevokedChangesWithItAndEndsWithIt(acceptsStale: Bool) async throws {
        let site = try Site(acceptsStale: acceptsStale)
        var number: UInt64? { site.status.generation?.current(at: site.time.wallClock) }
        #expect(number == nil)
        try site.serve(try site.document(1))
        await site.status.fetch()
        let first = try #require(number)
        // A newer document that says the same, and then one that does not.
        site.time.advance(by: .seconds(15))
        try site.serve(try site.document(2))
        await site.status.fetch()
        #expect(site.status.number == 2)
        #expect(number == first)
        try site.serve(try site.document(3, revoking: Revocations(services: ["user-svc"])))
        await site.status.fetch()
        let second = try #require(number)
        #expect(second != first)
        site.goSilent()
        site.time.advance(by: .seconds(119))
        #expect(number == second)
        site.time.advance(by: .seconds(1))
        #expect((number == second) == acceptsStale)
        #expect((number == nil) == !acceptsStale)
        site.time.setWallClock(forward: .seconds(-3600))
        #expect((number == second) == acceptsStale)
    }

    @Test func whoeverWantsToGoesOnWithWhatWasLastKnown() async throws {
        let site = try Site(acceptsStale: true)
        try site.serve(try site.document(1, revoking: Revocations(services: ["user-svc"])))
        await site.status.fetch()
        site.goSilent()
        site.time.advance(by: .seconds(86_400))
        #expect(site.revocations?.services == ["user-svc"])
    }

    @Test func afterTheSigningKeyWasRevokedTheNextOneSignsAndIsFetchedFirst() async throws {
        let site = try Site()
        try site.serve(try site.document(1))
        await site.status.fetch()
        site.time.advance(by: .seconds(10))
        let revoked = Revocations(keyIDs: [try kid(0)])
        try site.serve(try site.document(2, revoking: revoked, signedBy: 1), keys: [1])
        await site.status.fetch()
        #expect(site.revocations == revoked)
        site.time.advance(by: .seconds(10))
        // Whoever has the revoked key cannot undo it, though an old key set would still have it.
        try site.serve(try site.document(3, signedBy: 0), keys: [0, 1])
        await site.status.fetch()
        #expect(site.revocations == revoked)
        #expect(site.status.number == 2)
    }

    @Test func aDocumentOfAKeyThatIsNotInAFreshSetIsRefused() async throws {
        let site = try Site()
        try site.serve(try site.document(1))
        await site.status.fetch()
        site.time.advance(by: .seconds(10))
        // The set in hand has the key; the one the issuer publishes by now does not.
        try site.serve(try site.document(2, revoking: Revocations(services: ["x"])), keys: [1])
        await site.status.fetch()
        #expect(site.revocations == Revocations.none)
        #expect(site.status.number == 1)
    }

    @Test func anOlderStateIsRefusedWhileTheNewerOneHoldsAndTakenAfterwards() async throws {
        let site = try Site()
        try site.serve(try site.document(5, revoking: Revocations(services: ["x"])))
        await site.status.fetch()
        site.time.advance(by: .seconds(20))
        try site.serve(try site.document(4))
        await site.status.fetch()
        #expect(site.status.number == 5)
        site.time.advance(by: .seconds(100))
        try site.serve(try site.document(4))
        await site.status.fetch()
        #expect(site.status.number == 4)
    }

    @Test func whatIsNoStatusOfThisIssuerIsRefused() async throws {
        let site = try Site()
        let foreign = try TokenSigner(key: RSAPrivateKey.generate())
        let good = try site.document(1)
        var bad: [IssuerAnswer] = [
            try site.document(1, issuer: "https://elsewhere"), try site.document(1, age: 300),
            try site.document(1, type: "at+jwt"),
            World.plain(200, String(decoding: good.body, as: UTF8.self), [("Content-Type", "text/html")]),
            World.plain(404, "{}"), World.plain(200, "", [("Content-Type", "application/\(RevocationStatus.type)")]),
        ]
        var forged = good
        let parts = String(decoding: good.body, as: UTF8.self).split(separator: ".")
        let other = String(decoding: try foreign.statement(type: RevocationStatus.type, payload: Array("{}".utf8)), as: UTF8.self)
        forged.body = Array("\(parts[0]).\(parts[1]).\(other.split(separator: ".")[2])".utf8)
        bad.append(forged)
        for answer in bad {
            try site.serve(answer)
            try await site.time.passing { await site.status.fetch() }
            #expect(site.status.number == nil)
            // The next fetch is not held up by an address that was left alone.
            site.time.advance(by: .seconds(60))
        }
        try site.serve(try site.document(1))
        await site.status.fetch()
        #expect(site.status.number == 1)
    }
}
