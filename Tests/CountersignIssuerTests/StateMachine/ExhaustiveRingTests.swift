import CountersignIssuer
import Foundation
import Testing

/// Every sequence of events and waiting, to a fixed depth.
@Suite("Key ring: every sequence of events")
struct ExhaustiveRingTests {
    /// Longer by `COUNTERSIGN_LONG_TESTS=1`, which takes some minutes; see docs/reference/key-ring.md.
    private var depth: Int { ProcessInfo.processInfo.environment["COUNTERSIGN_LONG_TESTS"] == nil ? 7 : 9 }

    @Test("One key signs, no valid token is refused, no revoked key is accepted, and the set stays bounded")
    func explores() throws {
        let found = try explore(from: RingWorld())
        #expect(found.fault == nil)
        // A test that got nowhere would pass as well.
        #expect(found.reached == Set(KeyRing.Promotion.allCases))
        #expect(found.visited > 10_000)
    }

    @Test("Where receivers work by a key set for longer than a key is announced, the same exploration finds a token refused")
    func findsAnAnnounceTimeThatIsTooShort() throws {
        let found = try explore(from: RingWorld(maximumAge: 4))
        #expect(found.fault?.contains("a token is refused at") == true)
    }

    private func explore(from start: RingWorld) throws -> (fault: String?, reached: Set<KeyRing.Promotion>, visited: Int) {
        let steps = try RingWorld.steps()
        var worlds: Set<RingWorld> = [start]
        var reached: Set<KeyRing.Promotion> = []
        var visited = 0
        for level in 1...depth {
            var next: Set<RingWorld> = []
            for world in worlds {
                for step in steps {
                    guard let after = try world.after(step), !worlds.contains(after) else {
                        continue
                    }
                    if let fault = after.fault {
                        return (
                            "after \(level) steps, the last of them \(step): \(fault)\n\(world.ring.entries)", reached, visited
                        )
                    }
                    reached.insert(after.ring.signing.promotion)
                    next.insert(after)
                }
            }
            visited += next.count
            worlds = next
        }
        return (nil, reached, visited)
    }

    @Test("A promotion after the announce time is called planned, one before it an emergency")
    func namesPromotions() throws {
        var world = try RingWorld()
        for step in [RingWorld.Step.announce, .wait, .wait, .wait] {
            world = try #require(try world.after(step))
        }
        let planned = try #require(try world.after(.event(.promote)))
        #expect(planned.ring.signing.promotion == .planned)
        #expect(planned.fault == nil)
        var early = try RingWorld()
        for step in [RingWorld.Step.announce, .wait, .event(.promoteNow(lackedByReceivers: false))] {
            early = try #require(try early.after(step))
        }
        #expect(early.ring.signing.promotion == .emergency)
        #expect(early.fault == nil)
    }
}
