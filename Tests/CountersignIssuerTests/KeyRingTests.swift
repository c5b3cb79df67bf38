import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import Testing

@Suite("Key ring: the life of keys")
struct KeyRingTests {
    @Test("A new ring signs with its first key and publishes it")
    func begins() throws {
        let ring = try KeyRing.first()
        let key = try RingKeys.jwk(0)
        #expect(ring.signing.jwk == key)
        #expect(ring.signing.promotion == .first)
        #expect(ring.published == [key])
        #expect(ring.announced == nil)
        #expect(try ring.keySet().keys == [key])
    }

    @Test("An announced key is published and does not sign")
    func announces() throws {
        let ring = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart + 5)
        #expect(ring.signing.jwk == (try RingKeys.jwk(0)))
        #expect(ring.announced?.signsFrom == ringStart + 605)
        #expect(Set(ring.published) == [try RingKeys.jwk(0), try RingKeys.jwk(1)])
        #expect(ring.nextChange == ringStart + 605)
    }

    @Test("A key announced for a second too short is not promoted")
    func refusesEarlyPromotion() throws {
        let ring = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart)
        let error = #expect(throws: KeyRingError.self) { try ring.applying(.promote, at: ringStart + 599) }
        #expect(error?.code == .announcedTooRecently)
        #expect(ring.settled(at: ringStart + 599) == ring)
    }

    @Test("A key announced for its full time is promoted, and its predecessor retires from the key set in time")
    func promotes() throws {
        let announced = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart)
        let ring = try announced.applying(.promote, at: ringStart + 600)
        #expect(ring.signing.jwk == (try RingKeys.jwk(1)))
        #expect(ring.signing.promotion == .planned)
        #expect(ring.signing.announced == ringStart)
        #expect(ring.announced == nil)
        #expect(ring.retiring.map(\.signing.jwk) == [try RingKeys.jwk(0)])
        #expect(ring.published == announced.published)
        #expect(ring == announced.settled(at: ringStart + 600))
    }

    @Test("Without an announced key nothing is promoted")
    func refusesPromotionOfNothing() throws {
        let ring = try KeyRing.first()
        for event in [KeyRing.Event.promote, .promoteNow(lackedByReceivers: false)] {
            let error = #expect(throws: KeyRingError.self) { try ring.applying(event, at: ringStart + 10_000) }
            #expect(error?.code == .nothingAnnounced)
        }
    }

    @Test("An emergency promotes at once and is recorded as one")
    func recordsEmergency() throws {
        let announced = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart)
        #expect(try announced.applying(.promoteNow(lackedByReceivers: false), at: ringStart + 1).signing.promotion == .emergency)
        #expect(try announced.applying(.promoteNow(lackedByReceivers: false), at: ringStart + 600).signing.promotion == .planned)
    }

    @Test("One rotation at a time")
    func refusesSecondAnnouncement() throws {
        let ring = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart)
        let error = #expect(throws: KeyRingError.self) { try ring.applying(.announce(RingKeys.jwk(2)), at: ringStart + 1) }
        #expect(error?.code == .rotationUnderWay)
        let later = ring.settled(at: ringStart + 600)
        #expect(try later.applying(.announce(RingKeys.jwk(2)), at: ringStart + 600).announced != nil)
    }

    @Test("A key never comes back: signing, retiring, retired and revoked keys are not announced again")
    func refusesKnownKeys() throws {
        var ring = try KeyRing.first()
        #expect(try code(ring, .announce(RingKeys.jwk(0))) == .duplicateKey)
        ring = try ring.applying(.announce(RingKeys.jwk(1)), at: ringStart).settled(at: ringStart + 600)
        #expect(try code(ring, .announce(RingKeys.jwk(0))) == .duplicateKey)
        let retired = ring.settled(at: ringStart + 600 + 965)
        #expect(try code(retired, .announce(RingKeys.jwk(0))) == .duplicateKey)
        let revoked = try ring.applying(.revoke(RingKeys.jwk(0).kid, replacement: nil), at: ringStart)
        #expect(try code(revoked, .announce(RingKeys.jwk(0))) == .duplicateKey)
        #expect(try code(revoked, .revoke(RingKeys.jwk(1).kid, replacement: RingKeys.jwk(0))) == .duplicateKey)
        #expect(try code(revoked, .revoke(RingKeys.jwk(1).kid, replacement: RingKeys.jwk(1))) == .duplicateKey)
    }

    @Test("A key is published until its last token has expired and the clocks' leeway is over, and no longer")
    func retiresInTime() throws {
        let longest: Int64 = 900
        let demotion = ringStart + 600
        let ring = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart).settled(at: demotion)
        let last = try #require(ring.retiring.first?.retiresFrom)
        #expect(last >= demotion + longest + 60)
        #expect(ring.settled(at: last + -1).published.contains(try RingKeys.jwk(0)))
        let after = ring.settled(at: last)
        #expect(!after.published.contains(try RingKeys.jwk(0)))
        #expect(after.states(of: try RingKeys.jwk(0)) == [.retired])
    }

    @Test("At most eight keys are published; the ninth is refused and room comes with time")
    func boundsPublished() throws {
        var ring = try KeyRing.first()
        for index in 1..<KeyRing.maximumPublished {
            ring = try ring.applying(.announce(RingKeys.jwk(index)), at: ringStart + Int64(index))
                .applying(.promoteNow(lackedByReceivers: false), at: ringStart + Int64(index))
        }
        #expect(ring.published.count == KeyRing.maximumPublished)
        #expect(try code(ring, .announce(RingKeys.jwk(8))) == .tooManyKeys)
        let settled = ring.settled(at: ringStart + 1 + 965)
        #expect(try settled.applying(.announce(RingKeys.jwk(8)), at: ringStart + 966).announced != nil)
    }

    @Test("Records of retired and revoked keys are forgotten after 90 days")
    func forgets() throws {
        let promoted = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart).settled(at: ringStart + 600)
        let revoked = try promoted.applying(.announce(RingKeys.jwk(2)), at: ringStart + 600)
            .applying(.revoke(RingKeys.jwk(2).kid, replacement: nil), at: ringStart + 700)
        let retired = revoked.settled(at: ringStart + 2000)
        #expect(retired.entries.map(\.state) == [.signing, .retired, .revoked])
        let ninety = KeyRing.recordsKeptFor
        #expect(retired.settled(at: ringStart + 700 + ninety + -1).entries.map(\.state) == [.signing, .retired, .revoked])
        #expect(retired.settled(at: ringStart + 700 + ninety).entries.map(\.state) == [.signing, .retired])
        #expect(retired.settled(at: ringStart + 2000 + ninety).entries.map(\.state) == [.signing])
    }

    @Test("The key set is the same before and after a promotion, so its ETag is")
    func keepsKeySetThroughPromotion() throws {
        for index in 1...4 {
            let ring = try KeyRing.first().applying(.announce(RingKeys.jwk(index)), at: ringStart)
            #expect(try ring.keySet().json == ring.settled(at: ringStart + 600).keySet().json)
        }
    }

    private func code(_ ring: KeyRing, _ event: KeyRing.Event) throws -> KeyRingError.Code? {
        do {
            _ = try ring.applying(event, at: ringStart + 10)
            return nil
        } catch {
            return error.code
        }
    }
}
