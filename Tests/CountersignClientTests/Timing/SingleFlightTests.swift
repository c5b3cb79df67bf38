import Synchronization
import Testing

@testable import CountersignClient

struct SingleFlightTests {
    private let flight = SingleFlight<String, Int>()
    private let runs = Counter()

    final class Counter: Sendable {
        private let value = Mutex(0)
        func next() -> Int {
            value.withLock {
                $0 += 1; return $0
            }
        }
        var count: Int { value.withLock { $0 } }
    }

    private func work(_ gate: Gate) -> SingleFlight<String, Int>.Work {
        {
            let run = runs.next()
            return (try? await gate.pass()) == nil ? nil : run
        }
    }

    @Test func allWhoComeWhileTheWorkGoesOnShareItsOutcome() async {
        let gate = Gate()
        let values = await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<100 { group.addTask { await flight.value(for: "a", work(gate)) } }
            await eventually("99 wait") { flight.waiting(for: "a") == 99 }
            gate.open()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(values == Array(repeating: 1, count: 100))
        #expect(flight.waiting(for: "a") == nil)
    }

    @Test func anotherKeyIsAnotherFlight() async {
        let gate = Gate()
        gate.open()
        #expect(await flight.value(for: "a", work(gate)) == 1)
        #expect(await flight.value(for: "b", work(gate)) == 2)
    }

    @Test func aCancelledWaiterLeavesAndDisturbsNobody() async {
        let gate = Gate()
        async let leader = flight.value(for: "a", work(gate))
        await eventually("the work has begun") { flight.waiting(for: "a") == 0 }
        let waiter = Task { await flight.value(for: "a", work(gate)) }
        await eventually("one waits") { flight.waiting(for: "a") == 1 }
        waiter.cancel()
        #expect(await waiter.value == nil)
        gate.open()
        #expect(await leader == 1)
        #expect(runs.count == 1)
    }

    @Test func theWorkOfACancelledLeaderIsHandedOverToAWaiter() async {
        let gate = Gate()
        let leader = Task { await flight.value(for: "a", work(gate)) }
        await eventually("the work has begun") { flight.waiting(for: "a") == 0 }
        async let first = flight.value(for: "a", work(gate))
        async let second = flight.value(for: "a", work(gate))
        await eventually("two wait") { flight.waiting(for: "a") == 2 }
        leader.cancel()
        #expect(await leader.value == nil)
        await eventually("one has taken over") { runs.count == 2 }
        gate.open()
        #expect(await [first, second] == [2, 2])
    }

    @Test func aLeaderCancelledAloneLeavesNothingBehind() async {
        let gate = Gate()
        let leader = Task { await flight.value(for: "a", work(gate)) }
        await eventually("the work has begun") { flight.waiting(for: "a") == 0 }
        leader.cancel()
        #expect(await leader.value == nil)
        #expect(flight.waiting(for: "a") == nil)
    }

    @Test func aTaskCancelledBeforeItComesDoesNothing() async {
        let gate = Gate()
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return await flight.value(for: "a", work(gate))
        }
        task.cancel()
        #expect(await task.value == nil)
        #expect(runs.count == 0)
    }

    @Test func whoMayNotBeginItOnlyWaitsForWorkThatGoesOn() async {
        let gate = Gate()
        #expect(await flight.value(for: "a", mayBegin: { false }, work(gate)) == nil)
        async let leader = flight.value(for: "a", work(gate))
        await eventually("the work has begun") { flight.waiting(for: "a") == 0 }
        async let follower = flight.value(for: "a", mayBegin: { false }, work(gate))
        await eventually("one waits") { flight.waiting(for: "a") == 1 }
        gate.open()
        #expect(await [leader, follower] == [1, 1])
    }

    @Test func whoDoesNotWaitIsTurnedAwayWhileTheWorkGoesOn() async {
        let gate = Gate()
        async let leader = flight.valueIfFree(for: "a", work(gate))
        await eventually("the work has begun") { flight.waiting(for: "a") == 0 }
        #expect(await flight.valueIfFree(for: "a", work(gate)) == nil)
        gate.open()
        #expect(await leader == 1)
    }
}
