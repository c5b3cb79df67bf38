import CountersignTesting
import NIOCore
import Testing

@testable import CountersignCLI

/// What `countersign bench` counts, and when; without a network.
@Suite struct BenchLoadTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func plan(connections: Int = 2, warmup: Int64 = 1, duration: Int64 = 2, rate: Int? = nil) -> BenchPlan {
        BenchPlan(connections: connections, warmupSeconds: warmup, durationSeconds: duration, ratePerSecond: rate)
    }

    private func after(_ milliseconds: Int64) -> NIODeadline { start + .milliseconds(milliseconds) }

    @Test func aClosedLoopAsksWhenItIsFree() {
        var schedule = BenchSchedule(plan(), start: start)
        #expect(schedule.next(at: after(0)) == after(0))
        #expect(schedule.next(at: after(2999)) == after(2999))
        #expect(schedule.next(at: after(3000)) == nil)
        #expect(schedule.missed(at: after(3000)) == 0)
    }

    @Test func anOpenLoopAsksOnItsSchedule() {
        var schedule = BenchSchedule(plan(rate: 4), start: start)
        #expect(schedule.next(at: after(0)) == after(0))
        // Late or early, it is due when it is due.
        #expect(schedule.next(at: after(900)) == after(250))
        #expect(schedule.next(at: after(100)) == after(500))
        // Twelve in all, four of them before measuring begins and three of those taken.
        #expect(schedule.missed(at: after(3000)) == 8)
        #expect(schedule.missed(at: after(1600)) == 3)
        // A queue from before measuring began is left behind.
        for index in 4..<12 { #expect(schedule.next(at: after(2000)) == after(Int64(index) * 250)) }
        #expect(schedule.next(at: after(2000)) == nil)
        #expect(schedule.missed(at: after(3000)) == 0)
    }

    @Test func aLongScheduleAtAHighRateIsExact() {
        var schedule = BenchSchedule(plan(warmup: 0, duration: 3600, rate: 99_991), start: start)
        #expect(schedule.missed(at: after(3_600_000)) == 3600 * 99_991)
        #expect(schedule.next(at: after(0)) == after(0))
        #expect(schedule.missed(at: after(3_600_000)) == 3600 * 99_991 - 1)
    }

    @Test func inAClosedLoopTheTokensOfTheMeasuredTimeCount() {
        let load = BenchLoad(plan(), start: start)
        load.record(.token, due: after(998), at: after(999))
        load.record(.token, due: after(991), isResumed: true, at: after(1001))
        load.record(.token, due: after(1500), at: after(1520))
        load.record(.token, due: after(2999), at: after(3001))
        load.record(.shed("503 temporarily_unavailable"), due: after(1600), at: after(1601))
        load.record(.lost("no answer in time"), due: after(1600), at: after(11_600))
        let result = load.result(at: after(12_000))
        #expect(result.tally.tokens == 2 && result.tally.resumed == 1)
        #expect(result.tally.failures == ["503 temporarily_unavailable": 1, "no answer in time": 1] && result.tally.shed == 1)
        #expect(result.elapsedSeconds == 2 && result.brokenBy == nil)
        let latency = result.tally.latency
        #expect((9_990...10_010).contains(latency?.p50 ?? 0))
        #expect((19_980...20_020).contains(latency?.max ?? 0))
    }

    @Test func atARateWhatWasDueInTheMeasuredTimeCounts() {
        let load = BenchLoad(plan(rate: 10), start: start)
        load.record(.token, due: after(900), at: after(1500))
        #expect(load.result(at: after(3000)).tally.tokens == 0)
        load.record(.token, due: after(2900), at: after(4000))
        let result = load.result(at: after(4000))
        #expect(result.tally.tokens == 1 && result.elapsedSeconds == 3)
    }

    @Test func aQueueShowsInTheLatency() {
        let load = BenchLoad(plan(warmup: 0, rate: 10), start: start)
        // Ten a second are due; one caller who needs 200 ms each serves five.
        var now = start
        while let due = load.next(at: now) {
            now = max(now, due) + .milliseconds(200)
            load.record(.token, due: due, at: now)
        }
        let result = load.result(at: now)
        #expect(result.tally.tokens == 10 && result.unsent == 10)
        #expect((1_098_000...1_102_000).contains(result.tally.latency?.max ?? 0))
    }

    @Test func aRunBreaksOffWhenNobodyAnswersAnyMore() {
        let load = BenchLoad(plan(connections: 2, warmup: 0), start: start)
        load.record(.token, due: after(10), at: after(20))
        for index in Int64(0)..<11 { load.record(.lost("connection refused"), due: after(100 + index), at: after(100 + index)) }
        #expect(load.next(at: after(200)) != nil)
        // Any answer is a sign of life.
        load.record(.refused("500"), due: after(150), at: after(150))
        for index in Int64(0)..<12 { load.record(.lost("connection refused"), due: after(200 + index), at: after(200 + index)) }
        #expect(load.isBroken && load.next(at: after(300)) == nil)
        let result = load.result(at: after(300))
        #expect(result.brokenBy == "connection refused" && result.elapsedSeconds < 1)
    }

    @Test func aRunThatEndsInSilenceIsBrokenToo() {
        let load = BenchLoad(plan(connections: 2, warmup: 0), start: start)
        load.record(.token, due: after(10), at: after(20))
        load.record(.lost("no answer in time"), due: after(1000), at: after(11_000))
        #expect(load.result(at: after(11_000)).brokenBy == nil)
        load.record(.lost("no answer in time"), due: after(1000), at: after(11_000))
        #expect(load.result(at: after(11_000)).brokenBy == "no answer in time")
    }

    @Test func reasonsAreBounded() {
        var tally = BenchTally()
        for index in 0..<100 { tally.count(.refused("\(index)"), due: start, at: start, isResumed: false) }
        #expect(tally.failures.count == 33 && tally.failed == 100 && tally.failures["other reasons"] == 68)
        #expect(tally.latency == nil)
    }
}

/// When `countersign bench` says that its figures are not those of a whole run.
@Suite struct BenchReportTests {
    private func failure(rate: Int?, _ outcomes: BenchOutcome...) -> CommandFailure? {
        let plan = BenchPlan(connections: 8, warmupSeconds: 0, durationSeconds: 1, ratePerSecond: rate)
        let start = NIODeadline.now()
        let load = BenchLoad(plan, start: start)
        for outcome in outcomes { load.record(outcome, due: start, at: start + .milliseconds(1)) }
        return BenchReport(
            mode: .mint, issuer: "https://localhost:8443", audience: "search-svc", plan: plan,
            result: load.result(at: start + .seconds(1)), process: nil, before: nil, after: nil,
            limit: MachineLimit(mode: .mint, signaturesPerSecond: 1000, handshakesPerSecond: nil)
        ).failure
    }

    @Test func tokensAloneAreAWholeRun() {
        #expect(failure(rate: nil, .token, .token) == nil)
    }

    @Test func anOverloadedIssuerIsWhatAnOpenLoopMayFind() {
        #expect(failure(rate: 10, .token, .shed("503 temporarily_unavailable")) == nil)
        let closed = failure(rate: nil, .token, .shed("503 temporarily_unavailable"))
        #expect(closed?.exitCode == .no)
        #expect(
            closed?.message
                == "1 of 2 requests failed (503 temporarily_unavailable); the figures are those of the others alone")
    }

    @Test func anyOtherFailureIsSaid() {
        let mixed = failure(rate: 10, .token, .shed("429"), .refused("401 invalid_client"), .refused("401 invalid_client"))
        #expect(mixed?.exitCode == .no)
        #expect(
            mixed?.message == "3 of 4 requests failed (401 invalid_client); the figures are those of the others alone")
    }

    @Test func noTokenIsNoFigure() {
        let none = failure(rate: 10, .shed("503"))
        #expect(none?.exitCode == .no)
        #expect(none?.message == "no token was served, 1 of 1 requests failed (503); there are no figures")
    }
}
