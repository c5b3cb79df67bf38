import CountersignCrypto
import CountersignJOSE
import Foundation
import Testing

@testable import CountersignIssuer

/// A rotation waits for the receivers that were seen lately.
@Suite("Rotation: waiting for receivers")
struct RotationWaitsTests {
    private func withStore(
        window: Int64 = 3600, _ body: (MemoryKeyRingStore, KeyID) async throws -> Void
    ) async throws {
        let store = MemoryKeyRingStore()
        let parameters = try KeyRingParameters(announceFor: 600, retireAfter: 965, rotateEvery: 0, receiverWindow: window)
        _ = try await store.initialise(with: RingKeys.privateKey(0), parameters: parameters, at: ringStart)
        let old = try RingKeys.jwk(0).kid
        try await store.note(
            [ReceiverSighting(name: "billing-svc", keysAt: ringStart, keys: [old], keysAgain: true)], at: ringStart)
        let rotation = try await store.rotate(to: RingKeys.privateKey(1), at: ringStart)
        #expect(rotation.lacking.words(at: ringStart) == "0/1 seen, waiting for billing-svc (last seen 0 s ago)")
        try await body(store, rotation.kid)
    }

    @Test("An issuer promotes when every receiver has the key, and not before; it says once whom it waits for")
    func issuerWaits() async throws {
        try await withStore { store, announced in
            let log = LogRecorder()
            let parameters = try await store.load().ring.parameters
            let issuer = try await SigningKeys(store: store, parameters: parameters, logger: log.logger(), clock: { ringStart })
            await issuer.reload(at: ringStart + 1)
            await issuer.reload(at: ringStart + 600)
            await issuer.reload(at: ringStart + 601)
            #expect(issuer.snapshot.signingKeyID != announced)
            #expect(log.lines.count { $0 == "warning a rotation waits for receivers" } == 1)

            issuer.receiverFetchedKeys("billing-svc", from: issuer.snapshot, at: ringStart + 602)
            await issuer.reload(at: ringStart + 602)
            #expect(issuer.snapshot.signingKeyID == announced)
            #expect(try await store.load().ring.signing.promotion == .planned)
        }
    }

    @Test("What one issuer saw counts for another on the same ring, also after both were restarted")
    func issuersShare() async throws {
        try await withStore { store, announced in
            let parameters = try await store.load().ring.parameters
            func issuer() async throws -> SigningKeys {
                try await SigningKeys(
                    store: store, parameters: parameters, logger: LogRecorder().logger(), clock: { ringStart }
                )
            }
            let first = try await issuer()
            first.receiverFetchedKeys("billing-svc", from: first.snapshot, at: ringStart + 5)
            await first.reload(at: ringStart + 5)
            let second = try await issuer()
            await second.reload(at: ringStart + 601)
            #expect(second.snapshot.signingKeyID == announced)
        }
    }

    @Test("A receiver that has gone for good is waited for no longer than the window")
    func agesOut() async throws {
        try await withStore(window: 1200) { store, announced in
            let parameters = try await store.load().ring.parameters
            let issuer = try await SigningKeys(
                store: store, parameters: parameters, logger: LogRecorder().logger(), clock: { ringStart }
            )
            await issuer.reload(at: ringStart + 1200)
            #expect(issuer.snapshot.signingKeyID != announced)
            await issuer.reload(at: ringStart + 1201)
            #expect(issuer.snapshot.signingKeyID == announced)
        }
    }

    @Test("By hand it is refused with who is waited for; forced, it is done, recorded as forced, and says whom it breaks")
    func forced() async throws {
        try await withStore { store, announced in
            let error = await #expect(throws: KeyRingError.self) { try await store.rotate(at: ringStart + 700) }
            #expect(error?.code == .receiversWaiting)
            #expect(error?.message.contains("0/1 seen, waiting for billing-svc (last seen 11 min ago)") == true)
            #expect(error?.hint?.contains("--force") == true)

            let rotation = try await store.rotate(force: true, at: ringStart + 700)
            #expect(rotation.kid == announced && rotation.signsFrom == nil && !rotation.isEmergency)
            #expect(rotation.stored.ring.signing.promotion == .forced)
            #expect(rotation.lacking.waiting.map(\.name) == ["billing-svc"])
            #expect(rotation.stored.ring.history.last?.what.hasSuffix("although receivers had not fetched it") == true)

            let nothing = await #expect(throws: KeyRingError.self) { try await store.rotate(force: true, at: ringStart + 701) }
            #expect(nothing?.code == .nothingAnnounced)
        }
    }

    @Test("A service that is denied is none: it is waited for no longer, and again when it is allowed")
    func denied() async throws {
        try await withStore { store, announced in
            _ = try await store.change(.service("billing-svc"), isDenied: true, at: ringStart + 1)
            let ring = try await store.load().ring
            #expect(try await store.receivers(of: ring).sightings.isEmpty)
            func refusal() async -> KeyRingError.Code? {
                await #expect(throws: KeyRingError.self) { try await store.rotate(at: ringStart + 700) }?.code
            }
            _ = try await store.change(.service("billing-svc"), isDenied: false, at: ringStart + 2)
            #expect(await refusal() == .receiversWaiting)
            // Tokens of the past alone are refused; the service goes on.
            _ = try await store.change(.service("billing-svc"), isDenied: true, notBefore: ringStart, at: ringStart + 3)
            #expect(await refusal() == .receiversWaiting)
            _ = try await store.change(.service("billing-svc"), isDenied: true, at: ringStart + 4)
            #expect(try await store.rotate(to: RingKeys.privateKey(2), at: ringStart + 700).promoted == announced)
        }
    }

    @Test("While receivers cannot be read nothing is promoted, not by an issuer that starts either; what is done is reported")
    func unreadableReceivers() async throws {
        try await withTemporaryFolder { folder in
            let store = FileKeyRingStore(directory: "\(folder)/keys")
            let parameters = try KeyRingParameters(announceFor: 600, retireAfter: 965, rotateEvery: 0, receiverWindow: 3600)
            _ = try await store.initialise(with: RingKeys.privateKey(0), parameters: parameters, at: ringStart)
            try write("{", to: "\(folder)/keys/receivers.json")
            let announced = try await store.rotate(to: RingKeys.privateKey(1), at: ringStart).kid
            func issuer() async throws -> SigningKeys {
                try await SigningKeys(
                    store: store, parameters: parameters, logger: LogRecorder().logger(), clock: { ringStart + 700 })
            }
            #expect(try await issuer().snapshot.signingKeyID != announced)

            try FileManager.default.removeItem(atPath: "\(folder)/keys/receivers.json")
            #expect(try await issuer().snapshot.signingKeyID == announced)
            #expect(try await store.load().ring.history.last?.what == "promoted the key \(announced)")
        }
    }

    @Test(
        "A list of receivers that is lost or damaged is written again by an issuer that knows them, and a rotation goes on waiting",
        arguments: [nil, "{"] as [String?])
    func lostReceivers(content: String?) async throws {
        try await withTemporaryFolder { folder in
            let (store, path) = (FileKeyRingStore(directory: "\(folder)/keys"), "\(folder)/keys/receivers.json")
            let parameters = try KeyRingParameters(announceFor: 600, retireAfter: 965, rotateEvery: 0, receiverWindow: 3600)
            _ = try await store.initialise(with: RingKeys.privateKey(0), parameters: parameters, at: ringStart)
            let issuer = try await SigningKeys(
                store: store, parameters: parameters, logger: LogRecorder().logger(), clock: { ringStart })
            func fetch(_ name: String, _ second: Int64) async {
                issuer.receiverFetchedKeys(name, instance: "1", from: issuer.snapshot, at: ringStart + second)
                await issuer.reload(at: ringStart + second)
            }
            func lose() throws {
                try FileManager.default.removeItem(atPath: path)
                if let content { try write(content, to: path) }
            }
            await fetch("billing-svc", 0)
            await fetch("search-svc", 0)
            let announced = try await store.rotate(to: RingKeys.privateKey(1), at: ringStart).kid
            await issuer.reload(at: ringStart + 1)
            // Lost before another one comes, and lost when the time has come.
            try lose()
            await fetch("search-svc", 2)
            let names = try await store.receivers().sightings.map(\.name)
            #expect(names == ["billing-svc", "search-svc"])
            try lose()
            await issuer.reload(at: ringStart + 600)
            #expect(issuer.snapshot.signingKeyID != announced)
            #expect(try await store.receivers().sightings.count == 2)
            await fetch("billing-svc", 601)
            #expect(issuer.snapshot.signingKeyID == announced)
        }
    }

    @Test("What receivers fetch is noted at once when it is news, and now and then when it is not")
    func notes() throws {
        var pending = PendingSightings()
        let kid = try RingKeys.jwk(0).kid
        func fetch(_ second: Int64, _ keys: [KeyID]) {
            pending.add(ReceiverSighting(name: "a", keysAt: ringStart + second, keys: keys), at: ringStart + second)
        }
        func taken(_ second: Int64) -> Int { pending.take(at: ringStart + second).count }
        fetch(0, [kid])
        #expect(taken(0) == 1)
        fetch(1, [kid])
        #expect(taken(1) == 0)
        fetch(2, [try RingKeys.jwk(1).kid, kid])
        #expect(taken(2) == 1)
        fetch(3, [try RingKeys.jwk(1).kid, kid])
        #expect(taken(31) == 0)
        #expect(taken(32) == 1)
        #expect(taken(100) == 0)
    }
}

@Suite("A clock that is set")
struct ClockSteadinessTests {
    @Test(
        "holds back what is due by time until it has gone on evenly for five minutes",
        arguments: [-3600, 365 * 86_400] as [Int64])
    func jump(seconds: Int64) {
        let start = Duration.seconds(7)
        var steadiness = ClockSteadiness(wallClock: ringStart, elapsed: start)
        func isSteady(_ wall: Int64, _ elapsed: Int64) -> Bool {
            steadiness.isSteady(wallClock: ringStart + wall, elapsed: start + .seconds(elapsed))
        }
        #expect(isSteady(10, 10))
        #expect(!isSteady(11 + seconds, 11))
        #expect(!isSteady(310 + seconds, 310))
        #expect(isSteady(311 + seconds, 311))
    }

    @Test("and slow drift, or a process that was stopped for a while, does not")
    func drift() {
        let start = Duration.seconds(7)
        var steadiness = ClockSteadiness(wallClock: ringStart, elapsed: start)
        func isSteady(_ wall: Int64, _ elapsed: Int64) -> Bool {
            steadiness.isSteady(wallClock: ringStart + wall, elapsed: start + .seconds(elapsed))
        }
        for minute in 1...100 as ClosedRange<Int64> {
            #expect(isSteady(minute * 61, minute * 60))
        }
        #expect(isSteady(100_000 + 100, 100_000))
    }
}
