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
        let steps = try RingWorld.steps()
        var worlds: Set<RingWorld> = [try RingWorld()]
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
                        Issue.record("after \(level) steps, the last of them \(step): \(fault)\n\(world.ring.entries)")
                        return
                    }
                    reached.insert(after.ring.signing.promotion)
                    next.insert(after)
                }
            }
            visited += next.count
            worlds = next
        }
        // A test that got nowhere would pass as well.
        #expect(reached == Set(KeyRing.Promotion.allCases))
        #expect(visited > 10_000)
    }

    @Test("A planned promotion needs a key set that every receiver has, and nothing else is called planned")
    func findsAPromotionThatIsTooEarly() throws {
        // The same exploration over a world in which the announce time is no longer than the key set's age finds the fault.
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
