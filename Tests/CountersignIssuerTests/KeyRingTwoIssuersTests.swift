import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import Testing

@Suite("Several issuers on one key ring")
struct KeyRingTwoIssuersTests {
    private static let daily: Int64 = 86_400

    private func withIssuers(
        _ first: KeyRingParameters, _ second: KeyRingParameters,
        _ body: (SigningKeys, SigningKeys, any KeyRingStore) async throws -> Void
    ) async throws {
        let store = MemoryKeyRingStore()
        _ = try await store.save(KeyRing.first(), adding: [RingKeys.privateKey(0)], replacing: nil)
        let one = try await SigningKeys(
            store: store, parameters: first, logger: LogRecorder().logger(), clock: { ringStart }
        )
        let other = try await SigningKeys(
            store: store, parameters: second, logger: LogRecorder().logger(), clock: { ringStart }
        )
        try await body(one, other, store)
    }

    @Test("A rotation that is due is announced once, by one of them, and both publish and later sign with the same key")
    func rotateOnce() async throws {
        let parameters = try KeyRingParameters(announceFor: 600, retireAfter: 965, rotateEvery: Self.daily)
        try await withIssuers(parameters, parameters) { one, other, store in
            let due = ringStart + Self.daily + -600
            await withTaskGroup(of: Void.self) { group in
                for issuer in [one, other, one, other] {
                    group.addTask { await issuer.reload(at: due) }
                }
            }
            let announced = try #require(try await store.load().ring.announced)
            #expect(announced.since == due)
            await one.reload(at: due)
            await other.reload(at: due)
            #expect(one.snapshot.keySet[announced.jwk.kid] != nil)
            #expect(one.snapshot.etag == other.snapshot.etag)
            #expect(one.snapshot.keySet.keys.count == 2)

            await one.reload(at: due + 600)
            await other.reload(at: due + 600)
            #expect(one.snapshot.signer?.kid == announced.jwk.kid)
            #expect(other.snapshot.signer?.kid == announced.jwk.kid)
            #expect(try await store.load().ring.signing.promotion == .planned)
        }
    }

    @Test("A rotation missed for a month is caught up once")
    func catchesUpOnce() async throws {
        let parameters = try KeyRingParameters(announceFor: 600, retireAfter: 965, rotateEvery: Self.daily)
        try await withIssuers(parameters, parameters) { one, _, store in
            let late = ringStart + 30 * Self.daily
            await one.reload(at: late)
            await one.reload(at: late + 600)
            await one.reload(at: late + 601)
            let ring = try await store.load().ring
            #expect(ring.signing.since == late + 600)
            #expect(ring.announced == nil)
            #expect(ring.entries.count == 2)
        }
    }

    @Test("Nobody rotates when it is turned off")
    func rotatesOnlyWhenAsked() async throws {
        try await withIssuers(.standard, .standard) { one, _, store in
            await one.reload(at: ringStart + 1000 * Self.daily)
            let ring = try await store.load().ring
            #expect(ring.announced == nil)
        }
    }

    @Test("Where one allows longer tokens than the other, keys stay published for the longer")
    func longerHolds() async throws {
        let long = try KeyRingParameters(announceFor: 1200, retireAfter: 4000, rotateEvery: 0)
        try await withIssuers(long, .standard) { one, _, store in
            // The second to start asked for less.
            #expect(try await store.load().ring.parameters == .standard)
            await one.reload(at: ringStart)
            #expect(try await store.load().ring.parameters == long)
            #expect(try await store.load().ring.signing.retireAfter == 4000)
            let rotation = try await store.rotate(at: ringStart)
            #expect(rotation.signsFrom == ringStart + 1200)
        }
    }

    @Test("A configuration read again gives the ring its durations")
    func adopts() async throws {
        try await withIssuers(.standard, .standard) { one, _, store in
            let parameters = try KeyRingParameters(announceFor: 60, retireAfter: 965, rotateEvery: Self.daily)
            try await one.adopt(parameters, at: ringStart)
            #expect(try await store.load().ring.parameters == parameters)
            #expect(one.snapshot.nextChange == ringStart + Self.daily + -60)
        }
    }
}
