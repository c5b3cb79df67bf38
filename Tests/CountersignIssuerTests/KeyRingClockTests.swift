import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import Testing

@Suite("Key ring: clocks and durations")
struct KeyRingClockTests {
    @Test("A clock that jumps back makes keys wait; when it is right again they go on")
    func jumpsBack() throws {
        let announced = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart)
        #expect(announced.settled(at: ringStart + -3600) == announced)
        #expect(announced.settled(at: Timestamp(secondsSince1970: .min)) == announced)
        #expect(announced.settled(at: ringStart + 600).signing.jwk == (try RingKeys.jwk(1)))
    }

    @Test("A key that stops signing by a clock set back is published as long as tokens of the time before may live")
    func retiresByLaterClock() throws {
        let ring = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart + -7200)
            .applying(.promote, at: ringStart + -3600)
        let retiring = try #require(ring.retiring.first)
        #expect(retiring.since == ringStart + -3600)
        #expect(retiring.retiresFrom == ringStart + 965)
    }

    @Test("A clock that jumps forward by a year, or to its end, does no more than what is due")
    func jumpsForward() throws {
        let announced = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart)
        let later = announced.settled(at: ringStart + 365 * 86_400)
        #expect(later.signing.jwk == (try RingKeys.jwk(1)))
        #expect(later.retiring.map(\.signing.jwk) == [try RingKeys.jwk(0)])
        let end = announced.settled(at: Timestamp(secondsSince1970: .max))
        #expect(end.signing.jwk == (try RingKeys.jwk(1)))
    }

    @Test("A key announced by a clock that ran ahead waits until that time has come")
    func waitsForFuture() throws {
        let ring = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart + 86_400)
        #expect(!ring.isPromotionDue(at: ringStart + 86_400))
        #expect(ring.isPromotionDue(at: ringStart + 86_400 + 600))
    }

    @Test("A rotation is due so that the successor signs when the period ends, once, and only if it is turned on")
    func rotationIsDue() throws {
        let parameters = try KeyRingParameters(announceFor: 600, retireAfter: 965, rotateEvery: 86_400)
        let ring = try KeyRing.first(parameters)
        #expect(!ring.isRotationDue(at: ringStart + 86_400 + -601))
        #expect(ring.isRotationDue(at: ringStart + 86_400 + -600))
        let announced = try ring.applying(.announce(RingKeys.jwk(1)), at: ringStart + 86_400 + -600)
        #expect(!announced.isRotationDue(at: ringStart + 10 * 86_400))
        #expect(announced.settled(at: ringStart + 86_400).signing.since == ringStart + 86_400)
        #expect(!(try KeyRing.first().isRotationDue(at: ringStart + 1000 * 86_400)))
    }

    @Test("Shorter durations do not hurry keys that are on their way; longer ones hold them back")
    func durationsOnlyLengthen() throws {
        let short = try KeyRingParameters(announceFor: 10, retireAfter: 20, rotateEvery: 0)
        let long = try KeyRingParameters(announceFor: 1200, retireAfter: 4000, rotateEvery: 0)
        let announced = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart)

        let shortened = try announced.applying(.adopt(short), at: ringStart + 1)
        #expect(shortened.parameters == short)
        #expect(shortened.announced?.signsFrom == ringStart + 600)
        #expect(shortened.signing.retireAfter == 965)

        let lengthened = try announced.applying(.adopt(long), at: ringStart + 1)
        #expect(lengthened.announced?.signsFrom == ringStart + 1200)
        #expect(lengthened.signing.retireAfter == 4000)

        let raised = try announced.applying(.raise(short), at: ringStart + 1)
        #expect(raised == announced)
        #expect(try announced.applying(.raise(long), at: ringStart + 1) == lengthened)
    }

    @Test("Durations out of range and periods that cannot be honoured are refused")
    func refusesDurations() throws {
        let wrong: [(Int64, Int64, Int64)] = [
            (0, 965, 0), (-1, 965, 0), (31 * 86_400, 965, 0), (600, 0, 0), (600, 32 * 86_400, 0), (600, 965, -1),
            (600, 965, 599), (10, 965, 241), (.max, .max, .max),
        ]
        for (announceFor, retireAfter, rotateEvery) in wrong {
            let error = #expect(throws: KeyRingError.self) {
                try KeyRingParameters(announceFor: announceFor, retireAfter: retireAfter, rotateEvery: rotateEvery)
            }
            #expect(error?.code == .parameters)
        }
        #expect(try KeyRingParameters(announceFor: 600, retireAfter: 965, rotateEvery: 600).rotateEvery == 600)
        #expect(try KeyRingParameters(announceFor: 10, retireAfter: 965, rotateEvery: 242).rotateEvery == 242)
        #expect(KeyRingParameters.retireAfter(longestTokenLifetime: .max) == .max)
    }

    @Test("Whatever happens in whatever order, one key signs, none signs unannounced but in an emergency, the set is bounded")
    func holdsInRandomWalks() throws {
        let keys = try (0..<10).map(RingKeys.jwk)
        let parameters = try KeyRingParameters(announceFor: 60, retireAfter: 100, rotateEvery: 0)
        var random = SplitMix64(state: 20_260_102)
        for _ in 0..<200 {
            var ring = KeyRing(firstKey: keys[0], parameters: parameters, at: ringStart)
            var now = ringStart
            var published: [KeyID: Timestamp] = [keys[0].kid: now]
            for _ in 0..<60 {
                now = now + Int64.random(in: 0...50, using: &random)
                let key = keys.randomElement(using: &random) ?? keys[0]
                let event: KeyRing.Event =
                    switch Int.random(in: 0...7, using: &random) {
                    case 0, 1: .announce(key)
                    case 2: .promoteNow(lackedByReceivers: false)
                    case 3: .revoke(key.kid, replacement: keys.randomElement(using: &random))
                    case 4: .retire
                    default: .promote
                    }
                let before = ring
                ring = (try? ring.applying(event, at: now)) ?? ring
                check(ring, after: before, at: now, published: published)
                published = published.filter { kid, _ in ring.published.contains { $0.kid == kid } }
                for key in ring.published where published[key.kid] == nil {
                    published[key.kid] = now
                }
            }
        }
    }

    private func check(_ ring: KeyRing, after before: KeyRing, at now: Timestamp, published: [KeyID: Timestamp]) {
        #expect(ring.entries.count { $0.state == .signing } == 1)
        #expect(Set(ring.entries.map(\.kid)).count == ring.entries.count)
        #expect(ring.published.count <= KeyRing.maximumPublished)
        let signing = ring.signing
        if signing.jwk != before.signing.jwk, signing.promotion != .emergency {
            #expect(published[signing.jwk.kid].map { now.seconds(since: $0) >= ring.parameters.announceFor } ?? false)
        }
        // Nothing leaves the published set before its tokens are dead, unless it is revoked.
        for key in before.published where !ring.published.contains(key) {
            switch ring.states(of: key) {
            case [.revoked]: break
            case [.retired]:
                let since = ring.retired.last { $0.retiring.signing.jwk == key }?.retiring.since
                #expect(since.map { now.seconds(since: $0) >= ring.parameters.retireAfter } ?? false)
            default: Issue.record("a key left the published set without a state")
            }
        }
    }
}

/// Numbers that are the same in every run.
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
