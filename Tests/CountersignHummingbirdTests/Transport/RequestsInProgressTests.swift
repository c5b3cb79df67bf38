import NIOCore
import NIOPosix
import Testing

@testable import CountersignHummingbird

/// The rules of ``RequestsInProgress`` over many orders of events.
struct RequestsInProgressTests {
    private static func onALoop<Result: Sendable>(
        bound: Int, _ body: @escaping @Sendable (RequestsInProgress) -> Result
    ) async throws -> Result {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        return try await eventLoop.submit {
            body(RequestsInProgress(bound: bound, eventLoop: eventLoop, onOverload: { _ in }))
        }.get()
    }

    @Test(arguments: [1, 2, 3, 7, 100])
    func inNoOrderOfEventsIsABoundExceeded(bound: Int) async throws {
        let worst = try await Self.onALoop(bound: bound) { requests in
            let callers = (0..<5).map { requests.joined("caller \($0)") }
            var taken = [0, 0, 0, 0, 0]
            var worst = (all: 0, one: 0)
            var state: UInt64 = 42
            for _ in 0..<20_000 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let index = Int(state >> 33) % 5
                if state >> 60 < 10 {
                    let isAdmitted = requests.admits(callers[index])
                    let isTaken = requests.take(callers[index])
                    if isAdmitted != isTaken { worst.all = .max }
                    if isTaken { taken[index] += 1 }
                } else if taken[index] > 0 {
                    requests.giveBack(callers[index])
                    taken[index] -= 1
                }
                worst = (max(worst.all, taken.reduce(0, +)), max(worst.one, taken.max() ?? 0))
            }
            return [worst.all, worst.one]
        }
        #expect(worst[0] <= bound)
        #expect(worst[1] <= max(1, bound / 2))
    }

    @Test func oneThatFloodsLeavesHalfToTheOthers() async throws {
        let taken = try await Self.onALoop(bound: 100) { requests in
            let flood = requests.joined("flood")
            let others = (0..<60).map { requests.joined("\($0)") }
            let ofFlood = (0..<1000).count { _ in requests.take(flood) }
            return [ofFlood, others.count { requests.take($0) }, requests.take(flood) ? 1 : 0]
        }
        #expect(taken == [50, 50, 0])
    }

    @Test func whatIsGivenBackCanBeTakenAgainAndWhoLeftIsForgotten() async throws {
        let rounds = try await Self.onALoop(bound: 10) { requests in
            (0..<1000).count { round in
                let caller = requests.joined("caller \(round)")
                defer { requests.left(caller) }
                let taken = (0..<10).count { _ in requests.take(caller) }
                for _ in 0..<taken { requests.giveBack(caller) }
                return taken == 5
            }
        }
        #expect(rounds == 1000)
    }

    @Test func connectionsOfOneNameAreOneCaller() async throws {
        let isSame = try await Self.onALoop(bound: 10) { requests in
            let first = requests.joined("a")
            let second = requests.joined("a")
            requests.left(second)
            return first === second && requests.joined("a") === first && requests.joined("b") !== first
        }
        #expect(isSame)
    }
}
