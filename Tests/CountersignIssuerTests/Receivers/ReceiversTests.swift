import CountersignCrypto
import CountersignJOSE
import Foundation
import Testing

@testable import CountersignIssuer

@Suite("Receivers: who has what, and who is waited for")
struct ReceiversTests {
    private func key(_ index: Int) throws -> KeyID { try RingKeys.jwk(index).kid }

    @Test("Those that fetched the key are seen; others are waited for, by name, with when they were last heard of")
    func standing() throws {
        let (old, new) = (try key(0), try key(1))
        let now = ringStart + 20_000
        var sightings = (1...14).map { ReceiverSighting(name: "svc-\($0)", keysAt: now, keys: [new, old], keysAgain: true) }
        sightings.append(ReceiverSighting(name: "billing-svc", keysAt: now + -11_000, keys: [old], keysAgain: true))
        let standing = Receivers(sightings).standing(of: new, at: now, window: 86_400)
        #expect(standing.words(at: now) == "14/15 seen, waiting for billing-svc (last seen 3 h ago)")
        #expect(!standing.isComplete)
        #expect(Receivers(sightings).standing(of: old, at: now, window: 86_400).isComplete)
    }

    @Test("One that was not heard of for the window is gone, one second less and it is not; a window of 0 waits for nobody")
    func window() throws {
        let receivers = Receivers([ReceiverSighting(name: "gone", keysAt: ringStart, keys: [try key(0)], keysAgain: true)])
        #expect(receivers.standing(of: try key(1), at: ringStart + 3600, window: 3600).waiting.map(\.name) == ["gone"])
        #expect(receivers.standing(of: try key(1), at: ringStart + 3601, window: 3600).total == 0)
        #expect(receivers.standing(of: try key(1), at: ringStart, window: 0).isComplete)
    }

    @Test("Of several processes of one name the one that lags counts, until it has been silent while another was not")
    func instances() throws {
        let (old, new) = (try key(0), try key(1))
        func standing(_ silence: Int64) -> ReceiverStanding {
            let now = ringStart + 10_000
            return Receivers([
                ReceiverSighting(name: "search-svc", instance: "a", keysAt: now, keys: [new]),
                ReceiverSighting(name: "search-svc", instance: "b", keysAt: now + -silence, keys: [old]),
            ]).standing(of: new, at: now, window: 86_400)
        }
        #expect(standing(Receivers.replacedAfter).waiting.map(\.name) == ["search-svc"])
        #expect(standing(Receivers.replacedAfter + 1).isComplete)
    }

    @Test(
        "One look at the key set makes nobody wait; a second does, at another time and seen by any issuer, or a name for the process"
    )
    func looking() throws {
        let (old, new) = (try key(0), try key(1))
        func waiting(_ sightings: ReceiverSighting...) -> [String] {
            var receivers = Receivers()
            for sighting in sightings { receivers.merge([sighting], at: ringStart + 60) }
            return receivers.standing(of: new, at: ringStart + 60, window: 3600).waiting.map(\.name)
        }
        let once = ReceiverSighting(name: "a", keysAt: ringStart, keys: [old])
        #expect(waiting(once) == [])
        #expect(waiting(once, once) == [])
        #expect(waiting(once, ReceiverSighting(name: "a", keysAt: ringStart + 1, keys: [old])) == ["a"])
        #expect(waiting(ReceiverSighting(name: "a", keysAt: ringStart + 1, keys: [old]), once) == ["a"])
        #expect(waiting(ReceiverSighting(name: "a", instance: "x", keysAt: ringStart, keys: [old])) == ["a"])
    }

    @Test("Whoever fetched the key set once, and goes on with the status alone, is not waited for longer than the window")
    func statusAlone() throws {
        var receivers = Receivers([ReceiverSighting(name: "a", instance: "x", keysAt: ringStart, keys: [try key(0)])])
        for minute in 1...120 as ClosedRange<Int64> {
            let now = ringStart + minute * 60
            receivers.merge([ReceiverSighting(name: "a", instance: "x", statusAt: now, statusNumber: 0)], at: now)
        }
        #expect(receivers.standing(of: try key(1), at: ringStart + 3600, window: 3600).waiting.map(\.name) == ["a"])
        #expect(receivers.standing(of: try key(1), at: ringStart + 3601, window: 3600).isComplete)
        #expect(receivers.standing(ofStatus: 0, at: ringStart + 7200, window: 3600).total == 1)
    }

    @Test("A process that is new is noted with the others, a name that is new at once")
    func urgency() throws {
        var pending = PendingSightings()
        func add(_ name: String, _ instance: String, _ second: Int64) {
            pending.add(ReceiverSighting(name: name, instance: instance, keysAt: ringStart + second), at: ringStart + second)
        }
        add("a", "1", 0)
        #expect(pending.take(at: ringStart).count == 1)
        for number in 2..<50 as Range<Int64> { add("a", "\(number)", 1) }
        #expect(pending.take(at: ringStart + 1).isEmpty)
        add("b", "1", 2)
        #expect(pending.take(at: ringStart + 2).count == 49)
    }

    @Test("Newer sightings replace older ones, not the other way round, unless the older lies in the future")
    func merging() throws {
        let (old, new) = (try key(0), try key(1))
        var receivers = Receivers([ReceiverSighting(name: "a", keysAt: ringStart + 10, keys: [new])])
        receivers.merge([ReceiverSighting(name: "a", keysAt: ringStart, keys: [old])], at: ringStart + 10)
        #expect(receivers.sightings.first?.keys == [new])
        // The clock that wrote the first was an hour ahead.
        receivers.merge([ReceiverSighting(name: "a", keysAt: ringStart + -3600, keys: [old])], at: ringStart + -3600)
        #expect(receivers.sightings.first?.keys == [old])
        receivers.merge([ReceiverSighting(name: "a", statusAt: ringStart, statusNumber: 4)], at: ringStart)
        #expect(receivers.sightings.first?.keys == [old] && receivers.sightings.first?.statusNumber == 4)
    }

    @Test("The list is bounded; those not heard of for longest go first")
    func bounded() throws {
        var receivers = Receivers()
        receivers.merge(
            (0..<Receivers.maximum + 10).map { ReceiverSighting(name: "svc-\($0)", keysAt: ringStart + Int64($0)) },
            at: ringStart + 10_000
        )
        #expect(receivers.sightings.count == Receivers.maximum)
        #expect(!receivers.sightings.contains { $0.name == "svc-9" })
        #expect(receivers.sightings.contains { $0.name == "svc-10" })
    }

    @Test("A name that invents processes crowds out its own and nobody else's")
    func crowding() throws {
        var receivers = Receivers([ReceiverSighting(name: "quiet", keysAt: ringStart)])
        receivers.merge(
            (0..<6000).map { ReceiverSighting(name: "loud", instance: "\($0)", keysAt: ringStart + 100 + Int64($0)) },
            at: ringStart + 10_000
        )
        #expect(receivers.sightings.count == Receivers.maximumPerName + 1)
        #expect(receivers.sightings.contains { $0.name == "quiet" })
        var pending = PendingSightings()
        pending.add(ReceiverSighting(name: "quiet", keysAt: ringStart), at: ringStart)
        for number in 0..<2000 as Range<Int64> {
            pending.add(ReceiverSighting(name: "loud", instance: "\(number)", keysAt: ringStart + number), at: ringStart + number)
        }
        let taken = pending.take(at: ringStart + 2000)
        #expect(taken.count == Receivers.maximumPerName + 1)
        #expect(taken.contains { $0.name == "quiet" })
    }

    @Test("What is written is read back the same; what is damaged is refused with what to do, and replaced by the next note")
    func format() async throws {
        let kid = try key(0)
        let receivers = Receivers([
            ReceiverSighting(
                name: "a", instance: "x1", keysAt: ringStart, keys: [kid], keysAgain: true, statusAt: ringStart + 1,
                statusNumber: 2),
            ReceiverSighting(name: "CN=b,O=c", statusAt: ringStart, statusNumber: 0),
        ])
        #expect(try ReceiversFormat.decode(ReceiversFormat.encode(receivers)) == receivers)
        try await withTemporaryFolder { folder in
            let store = FileKeyRingStore(directory: "\(folder)/keys")
            _ = try await store.initialise(with: RingKeys.privateKey(0), at: ringStart)
            try await store.note(receivers.sightings, at: ringStart)
            #expect(try await store.receivers() == receivers)
            #expect(try mode(of: "\(folder)/keys/receivers.json") == 0o600)
            try write("{\"version\":1,", to: "\(folder)/keys/receivers.json")
            let error = await #expect(throws: KeyRingError.self) { try await store.receivers() }
            #expect(error?.code == .malformed && error?.hint?.contains("remove it") == true)
            try await store.note(receivers.sightings, at: ringStart)
            #expect(try await store.receivers() == receivers)
        }
    }

    @Test("A file of a later version, or one that cannot be read, is not written over")
    func keepsWhatItCannotRead() async throws {
        try await withTemporaryFolder { folder in
            let (store, path) = (FileKeyRingStore(directory: "\(folder)/keys"), "\(folder)/keys/receivers.json")
            _ = try await store.initialise(with: RingKeys.privateKey(0), at: ringStart)
            let note = [ReceiverSighting(name: "a", keysAt: ringStart)]
            let later = "{\"version\":2,\"receivers\":[]}"
            try write(later, to: path)
            let newer = await #expect(throws: KeyRingError.self) { try await store.note(note, at: ringStart) }
            #expect(newer?.code == .unsupportedVersion)
            #expect(try text(of: path) == later)

            try write(later, to: "\(folder)/elsewhere.json")
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "\(folder)/elsewhere.json")
            let link = await #expect(throws: KeyRingError.self) { try await store.note(note, at: ringStart) }
            #expect(link?.code == .unreadable)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "\(folder)/elsewhere.json")
        }
    }
}
