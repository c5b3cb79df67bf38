import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import Testing

/// What every store owes its callers; run on each of them.
@Suite("Key ring stores: the contract")
struct KeyRingStoreTests {
    enum Kind: String, CaseIterable, CustomTestStringConvertible {
        case memory, files

        var testDescription: String { rawValue }

        /// An empty store, and another view of the same one.
        func with(_ body: (any KeyRingStore, any KeyRingStore) async throws -> Void) async throws {
            switch self {
            case .memory:
                let store = MemoryKeyRingStore()
                try await body(store, store)
            case .files:
                try await withTemporaryFolder { folder in
                    let directory = "\(folder)/keys"
                    // Many writers on a busy machine wait for one another longer than a person would.
                    func store() -> FileKeyRingStore { FileKeyRingStore(directory: directory, lockWait: .seconds(60)) }
                    try await body(store(), store())
                }
            }
        }
    }

    @Test("An empty store has no ring and no keys", arguments: Kind.allCases)
    func isEmpty(kind: Kind) async throws {
        try await kind.with { store, _ in
            let load = await #expect(throws: KeyRingError.self) { try await store.load() }
            #expect(load?.code == .notInitialised)
            let key = await #expect(throws: KeyRingError.self) { try await store.privateKey(for: RingKeys.jwk(0)) }
            #expect(key?.code == .privateKeyMissing)
            let change = await #expect(throws: KeyRingError.self) { try await store.rotate(at: ringStart) }
            #expect(change?.code == .notInitialised)
        }
    }

    @Test("A saved ring and its private key are read back the same, also by another view", arguments: Kind.allCases)
    func savesAndLoads(kind: Kind) async throws {
        try await kind.with { store, other in
            let ring = try KeyRing.first()
            let saved = try await store.save(ring, adding: [RingKeys.privateKey(0)], replacing: nil)
            #expect(saved.ring == ring)
            #expect(saved.revision.number == 1)
            let loaded = try await other.load()
            #expect(loaded.ring == ring)
            #expect(loaded.revision == saved.revision)
            #expect(try await other.load(unless: saved.revision) == nil)
            #expect(try await other.privateKey(for: ring.signing.jwk).publicKey == ring.signing.jwk.key)
        }
    }

    @Test("A ring with keys in every state is read back the same", arguments: Kind.allCases)
    func keepsEveryState(kind: Kind) async throws {
        try await kind.with { store, other in
            var stored = try await store.save(KeyRing.first(), adding: [RingKeys.privateKey(0)], replacing: nil)
            for index in 1...4 {
                let at = ringStart + Int64(index) * 700
                let ring = try stored.ring.settled(at: at).applying(.announce(RingKeys.jwk(index)), at: at)
                stored = try await store.save(ring, adding: [RingKeys.privateKey(index)], replacing: stored.revision)
            }
            let ring = try stored.ring.applying(.revoke(RingKeys.jwk(2).kid, replacement: nil), at: ringStart + 2900)
                .applying(.revoke(RingKeys.jwk(1).kid, replacement: nil), at: ringStart + 2900)
            stored = try await store.save(ring, adding: [], replacing: stored.revision)
            #expect(Set(ring.entries.map(\.state)) == [.announced, .signing, .retired, .revoked])
            #expect(try await other.load().ring == ring)
            #expect(stored.revision.number == 6)
        }
    }

    @Test("A second first ring is refused and the first one stays", arguments: Kind.allCases)
    func refusesOverwriting(kind: Kind) async throws {
        try await kind.with { store, other in
            let first = try await store.initialise(at: ringStart)
            let error = await #expect(throws: KeyRingError.self) { try await other.initialise(at: ringStart) }
            #expect(error?.code == .alreadyInitialised)
            #expect(try await store.load().revision == first.revision)
        }
    }

    @Test("A change made from an older ring is refused; from the present one it is accepted", arguments: Kind.allCases)
    func comparesAndSets(kind: Kind) async throws {
        try await kind.with { store, other in
            let first = try await store.save(KeyRing.first(), adding: [RingKeys.privateKey(0)], replacing: nil)
            let ring = try first.ring.applying(.announce(RingKeys.jwk(1)), at: ringStart)
            let second = try await other.save(ring, adding: [RingKeys.privateKey(1)], replacing: first.revision)
            let stale = try first.ring.applying(.announce(RingKeys.jwk(2)), at: ringStart)
            let error = await #expect(throws: KeyRingError.self) {
                try await store.save(stale, adding: [RingKeys.privateKey(2)], replacing: first.revision)
            }
            #expect(error?.code == .conflict)
            #expect(try await store.load().ring == ring)
            #expect(try await store.save(first.ring, adding: [], replacing: second.revision).revision.number == 3)
        }
    }

    @Test("A ring that names a new key without its private key is refused", arguments: Kind.allCases)
    func refusesKeysWithoutPrivateKey(kind: Kind) async throws {
        try await kind.with { store, _ in
            let error = await #expect(throws: KeyRingError.self) {
                try await store.save(KeyRing.first(), adding: [RingKeys.privateKey(1)], replacing: nil)
            }
            #expect(error?.code == .privateKeyMissing)
            let load = await #expect(throws: KeyRingError.self) { try await store.load() }
            #expect(load?.code == .notInitialised)
        }
    }

    @Test("The private keys of retired and revoked keys are destroyed, those of others are kept", arguments: Kind.allCases)
    func destroysPrivateKeys(kind: Kind) async throws {
        try await kind.with { store, _ in
            let first = try await store.initialise(at: ringStart)
            let announced = try await store.rotate(at: ringStart)
            let promoted = try await store.update { stored throws(KeyRingError) in
                KeyRingChange(stored.ring.settled(at: ringStart + 600))
            }
            _ = try await store.privateKey(for: first.ring.signing.jwk)
            _ = try await store.update { stored throws(KeyRingError) in
                KeyRingChange(stored.ring.settled(at: ringStart + 3000))
            }
            let retired = await #expect(throws: KeyRingError.self) {
                try await store.privateKey(for: first.ring.signing.jwk)
            }
            #expect(retired?.code == .privateKeyMissing)
            _ = try await store.privateKey(for: promoted.ring.signing.jwk)

            let revocation = try await store.revoke(announced.kid.rawValue, at: ringStart + 3000)
            let revoked = await #expect(throws: KeyRingError.self) { try await store.privateKey(for: revocation.revoked.jwk) }
            #expect(revoked?.code == .privateKeyMissing)
            _ = try await store.privateKey(for: revocation.stored.ring.signing.jwk)
        }
    }

    @Test("A rotation announces; a second one is refused and names the key and its time", arguments: Kind.allCases)
    func rotates(kind: Kind) async throws {
        try await kind.with { store, _ in
            _ = try await store.initialise(at: ringStart)
            let rotation = try await store.rotate(at: ringStart + 5)
            #expect(rotation.signsFrom == ringStart + 605)
            let error = await #expect(throws: KeyRingError.self) { try await store.rotate(at: ringStart + 604) }
            #expect(error?.code == .rotationUnderWay)
            #expect(error?.message.contains(rotation.kid.rawValue) == true)
            #expect(error?.message.contains((ringStart + 605).description) == true)

            let next = try await store.rotate(at: ringStart + 605)
            #expect(next.promoted == rotation.kid)
            #expect(next.stored.ring.signing.promotion == .planned)
            #expect(next.signsFrom == ringStart + 1205)
        }
    }

    @Test("A rotation by a clock that is not trusted retires and promotes nothing else", arguments: Kind.allCases)
    func rotatesWithoutSettling(kind: Kind) async throws {
        try await kind.with { store, _ in
            _ = try await store.initialise(at: ringStart)
            let old = try await store.load().ring.signing.jwk.kid
            _ = try await store.rotate(immediately: true, at: ringStart)
            let late = ringStart + 100_000
            #expect(try await store.load().ring.settled(at: late).retiring.isEmpty)
            let rotation = try await store.rotate(settling: false, at: late)
            #expect(rotation.stored.ring.retiring.map(\.signing.jwk.kid) == [old])
            #expect(rotation.stored.ring.announced?.jwk.kid == rotation.kid)

            let later = late + 100_000
            let error = await #expect(throws: KeyRingError.self) { try await store.rotate(settling: false, at: later) }
            #expect(error?.code == .rotationUnderWay)
            let settled = try await store.rotate(at: later)
            #expect(settled.stored.ring.signing.jwk.kid == rotation.kid)
            #expect(!settled.stored.ring.retiring.contains { $0.signing.jwk.kid == old })
        }
    }

    @Test(
        "An immediate rotation promotes the announced key, or a new one, and says that it was an emergency",
        arguments: Kind.allCases
    )
    func rotatesAtOnce(kind: Kind) async throws {
        try await kind.with { store, _ in
            _ = try await store.initialise(at: ringStart)
            let announced = try await store.rotate(at: ringStart)
            let promoted = try await store.rotate(immediately: true, at: ringStart + 1)
            #expect(promoted.kid == announced.kid)
            #expect(promoted.wasAnnounced && promoted.isEmergency && promoted.signsFrom == nil)
            let fresh = try await store.rotate(immediately: true, at: ringStart + 2)
            #expect(fresh.kid != announced.kid)
            #expect(!fresh.wasAnnounced && fresh.isEmergency)
            #expect(fresh.stored.ring.signing.jwk.kid == fresh.kid)

            let due = try await store.rotate(at: ringStart + 3)
            let planned = try await store.rotate(immediately: true, at: ringStart + 603)
            #expect(planned.kid == due.kid && !planned.isEmergency)
        }
    }

    @Test("Revoking the only key makes another, of the same size", arguments: Kind.allCases)
    func revokesTheOnlyKey(kind: Kind) async throws {
        try await kind.with { store, _ in
            let first = try await store.initialise(bitCount: 3072, at: ringStart)
            let kid = first.ring.signing.jwk.kid
            let revocation = try await store.revoke(String(kid.rawValue.prefix(6)), at: ringStart + 1)
            #expect(revocation.revoked.kid == kid)
            #expect(revocation.isEmergency)
            #expect(revocation.successor == revocation.stored.ring.signing.jwk.kid)
            #expect(revocation.stored.ring.signing.jwk.key.bitCount == 3072)
            let again = await #expect(throws: KeyRingError.self) { try await store.revoke(kid.rawValue, at: ringStart + 2) }
            #expect(again?.code == .alreadyRevoked)
        }
    }

    @Test("Denials, the status number and the history are read back the same, also by another view", arguments: Kind.allCases)
    func keepsDenials(kind: Kind) async throws {
        try await kind.with { store, other in
            _ = try await store.initialise(with: RingKeys.privateKey(0), by: .init("ann", reason: "begin"), at: ringStart)
            let subjects = [
                try KeyRing.Denial.Subject(kind: "service", value: "user-svc"),
                try KeyRing.Denial.Subject(kind: "serial", value: "0A:1B"),
                try KeyRing.Denial.Subject(kind: "key", value: String(repeating: "ab", count: 32)),
            ]
            for subject in subjects {
                _ = try await store.change(
                    subject, isDenied: true, by: .init("bob", reason: "lost\nand\u{7}found"), at: ringStart + 1)
            }
            // What refuses less does not take the place of what refuses all.
            let weaker = await #expect(throws: KeyRingError.self) {
                try await other.change(subjects[0], isDenied: true, notBefore: ringStart, at: ringStart + 2)
            }
            #expect(weaker?.code == .alreadyDenied)
            _ = try await other.change(subjects[0], isDenied: false, at: ringStart + 2)
            _ = try await other.change(subjects[0], isDenied: true, notBefore: ringStart, at: ringStart + 2)
            let ring = try await other.load().ring
            #expect(ring.denials.map(\.subject) == [subjects[1], subjects[2], subjects[0]])
            #expect(ring.denials.last?.notBefore == ringStart)
            #expect(ring.statusNumber == 5)
            #expect(ring.history.map(\.who) == ["ann", "bob", "bob", "bob", "unnamed", "unnamed"])
            // One line, whatever was given.
            #expect(ring.history[1].why == "lostandfound")
            _ = try await store.change(subjects[1], isDenied: false, at: ringStart + 3)
            #expect(try await other.load().ring.denials.count == 2)
            let error = await #expect(throws: KeyRingError.self) {
                try await other.change(subjects[1], isDenied: false, at: ringStart + 4)
            }
            #expect(error?.code == .notDenied)
        }
    }

    @Test("What was noted of receivers is there for every view, changes no revision, and needs a ring", arguments: Kind.allCases)
    func notesReceivers(kind: Kind) async throws {
        try await kind.with { store, other in
            let sighting = ReceiverSighting(name: "search-svc", instance: "a", keysAt: ringStart, keys: [try RingKeys.jwk(0).kid])
            let error = await #expect(throws: KeyRingError.self) { try await store.note([sighting], at: ringStart) }
            #expect(error?.code == .notInitialised)
            let stored = try await store.initialise(with: RingKeys.privateKey(0), at: ringStart)
            #expect(try await other.receivers() == Receivers())
            try await store.note([sighting], at: ringStart)
            try await other.note([ReceiverSighting(name: "billing-svc", statusAt: ringStart, statusNumber: 0)], at: ringStart)
            #expect(try await store.receivers().sightings.map(\.name) == ["billing-svc", "search-svc"])
            #expect(try await store.load(unless: stored.revision) == nil)
        }
    }

    @Test("Writers that change at once lose nothing of each other's; a watcher sees the last", arguments: Kind.allCases)
    func writersTakeTurns(kind: Kind) async throws {
        try await kind.with { store, other in
            let first = try await store.initialise(with: RingKeys.privateKey(0), at: ringStart)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        let view = number.isMultiple(of: 2) ? store : other
                        _ = try await view.change(
                            .init(kind: "service", value: "svc-\(number)"), isDenied: true, at: ringStart
                        )
                    }
                }
                try await group.waitForAll()
            }
            let seen = try #require(try await other.load(unless: first.revision))
            #expect(seen.revision.number == first.revision.number + 16)
            #expect(seen.ring.denials.count == 16)
            #expect(seen.ring.history.map(\.number) == Array(1...17))
        }
    }
}
