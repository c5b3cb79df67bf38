import CountersignCrypto
import CountersignJOSE
import Testing

@testable import CountersignIssuer

@Suite("Key ring: revocation and finding keys")
struct KeyRingRevocationTests {
    @Test("Revoking the signing key makes the announced one sign at once, as an emergency")
    func promotesAnnounced() throws {
        let ring = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart)
            .applying(.revoke(RingKeys.jwk(0).kid, replacement: nil), at: ringStart + 10)
        #expect(ring.signing.jwk == (try RingKeys.jwk(1)))
        #expect(ring.signing.promotion == .emergency)
        #expect(ring.published == [try RingKeys.jwk(1)])
        #expect(ring.states(of: try RingKeys.jwk(0)) == [.revoked])
    }

    @Test("Revoking the only key needs a replacement, which signs at once")
    func needsReplacement() throws {
        let ring = try KeyRing.first()
        let kid = try RingKeys.jwk(0).kid
        let error = #expect(throws: KeyRingError.self) {
            try ring.applying(.revoke(kid, replacement: nil), at: ringStart)
        }
        #expect(error?.code == .successorNeeded)
        let replaced = try ring.applying(.revoke(kid, replacement: RingKeys.jwk(1)), at: ringStart + 10)
        #expect(replaced.signing.jwk == (try RingKeys.jwk(1)))
        #expect(replaced.signing.promotion == .emergency)
        #expect(replaced.signing.announced == nil)
        #expect(replaced.published == [try RingKeys.jwk(1)])
    }

    @Test("A replacement leaves the announced key where it is")
    func replacementBesideAnnounced() throws {
        let ring = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart)
            .applying(.revoke(RingKeys.jwk(0).kid, replacement: RingKeys.jwk(2)), at: ringStart + 10)
        #expect(ring.signing.jwk == (try RingKeys.jwk(2)))
        #expect(ring.announced?.jwk == (try RingKeys.jwk(1)))
    }

    @Test("Announced, retiring and retired keys are revoked without touching the signing key")
    func revokesOthers() throws {
        let announced = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart)
        let first = try announced.applying(.revoke(RingKeys.jwk(1).kid, replacement: nil), at: ringStart + 1)
        #expect(first.announced == nil)
        #expect(first.signing == announced.signing)

        let retiring = announced.settled(at: ringStart + 600)
        let second = try retiring.applying(.revoke(RingKeys.jwk(0).kid, replacement: nil), at: ringStart + 601)
        #expect(second.retiring.isEmpty)
        #expect(second.published == [try RingKeys.jwk(1)])

        let retired = retiring.settled(at: ringStart + 9000)
        let third = try retired.applying(.revoke(RingKeys.jwk(0).kid, replacement: nil), at: ringStart + 9001)
        #expect(third.retired.isEmpty)
        #expect(third.states(of: try RingKeys.jwk(0)) == [.revoked])
    }

    @Test("A key is revoked once, and only a key of the ring")
    func refusesRevoking() throws {
        let ring = try KeyRing.first().applying(.revoke(RingKeys.jwk(0).kid, replacement: RingKeys.jwk(1)), at: ringStart)
        let again = #expect(throws: KeyRingError.self) {
            try ring.applying(.revoke(RingKeys.jwk(0).kid, replacement: nil), at: ringStart)
        }
        #expect(again?.code == .alreadyRevoked)
        let foreign = #expect(throws: KeyRingError.self) {
            try ring.applying(.revoke(RingKeys.jwk(2).kid, replacement: nil), at: ringStart)
        }
        #expect(foreign?.code == .unknownKey)
    }

    @Test("A key is found by its kid and by its first six characters")
    func findsByPrefix() throws {
        let ring = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart)
        let kid = try RingKeys.jwk(1).kid.rawValue
        #expect(try ring.entry(matching: kid).kid.rawValue == kid)
        #expect(try ring.entry(matching: String(kid.prefix(6))).kid.rawValue == kid)
    }

    @Test("Too short, unknown and too long names of keys are refused", arguments: [0, 5, 6, 44])
    func refusesNames(length: Int) throws {
        let ring = try KeyRing.first()
        let kid = try RingKeys.jwk(0).kid.rawValue
        let name =
            switch length {
            case 44: kid + "A"
            case 6: "******"
            default: String(kid.prefix(length))
            }
        let error = #expect(throws: KeyRingError.self) { try ring.entry(matching: name) }
        #expect(error?.code == (length < 6 ? .prefixTooShort : .unknownKey))
    }

    @Test("Any serial number that a certificate may have here can be denied, in 64 bytes and zeroes before them, and is kept")
    func longSerials() throws {
        let longest = String(repeating: "f1", count: 64)
        for written in ["0", "0a", longest, "0000\(longest)"] {
            let subject = try KeyRing.Denial.Subject(kind: "serial", value: written)
            #expect(subject.value == (written == "0" ? "00" : written.hasPrefix("00") ? longest : written))
            let ring = try KeyRing.first().applying(.deny(KeyRing.Denial(subject, since: ringStart)), at: ringStart)
            #expect(try KeyRingFormat.decode(KeyRingFormat.encode(ring, revision: 1)).ring == ring)
        }
        for wrong in ["", "0g", "1\(longest)"] {
            let error = #expect(throws: KeyRingError.self) { try KeyRing.Denial.Subject(kind: "serial", value: wrong) }
            #expect(error?.code == .wrongDenial)
        }
    }

    @Test("The bound is that of the longest document alive: for a while after statusMaxAge was made shorter, the old one")
    func olderDocuments() throws {
        func parameters(_ age: Int64) throws -> KeyRingParameters {
            try KeyRingParameters(announceFor: 600, retireAfter: 965, rotateEvery: 0, statusMaxAge: age, statusPoll: 5)
        }
        var ring = try KeyRing.first(parameters(600))
        #expect(ring.deadEverywhereWithin(at: ringStart) == 602)
        ring = try ring.applying(.adopt(parameters(60)), at: ringStart + 100)
        #expect(ring.deadEverywhereWithin(at: ringStart + 100) == 602)
        ring = try ring.applying(.adopt(parameters(30)), at: ringStart + 101)
        #expect(ring.deadEverywhereWithin(at: ringStart + 101) == 601)
        #expect(ring.deadEverywhereWithin(at: ringStart + 670) == 32)
        #expect(ring.deadEverywhereWithin(at: ringStart + 700) == 32)
        #expect(try KeyRingFormat.decode(KeyRingFormat.encode(ring, revision: 1)).ring == ring)
        ring = try ring.applying(.adopt(parameters(900)), at: ringStart + 102)
        #expect(ring.deadEverywhereWithin(at: ringStart + 102) == 902)
    }
}
