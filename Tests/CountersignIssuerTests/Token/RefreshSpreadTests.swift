import Testing

@testable import CountersignIssuer

/// Ten thousand callers that were started within one second, and the issuer a day long, second by second.
@Suite("The spread of renewals")
struct RefreshSpreadTests {
    private static let callers = 10_000
    private static let day = 86_400
    private static let life = 300.0

    /// What the issuer sees from one minute after the start: the start itself is nobody's choice.
    private struct Load {
        /// Requests per second on the average of the day.
        let mean: Double
        /// The busiest second.
        let peak: Double
        /// The busiest ten seconds, per second.
        let tenSecondPeak: Double
    }

    /// A generator of its own, so that every run is the same.
    private struct Chance {
        var state: UInt64 = 20_261_121

        mutating func next() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) / Double(1 << 53)
        }
    }

    /// A caller that renews without a pause: the day would have no end.
    private struct NoProgress: Error {
        let pause: Double?
    }

    private static func load(refreshingAfter pause: (Double) -> Double?) throws -> Load {
        var chance = Chance()
        var requests = [Int](repeating: 0, count: day)
        for _ in 0..<callers {
            var moment = chance.next()
            while moment < Double(day) {
                requests[Int(moment)] += 1
                let pause = pause(chance.next())
                guard let pause, pause > 0 else { throw NoProgress(pause: pause) }
                moment += pause
            }
        }
        let later = requests[60...]
        let windows = stride(from: 60, to: day - 10, by: 10).map { requests[$0..<$0 + 10].reduce(0, +) }
        return Load(
            mean: Double(later.reduce(0, +)) / Double(later.count), peak: Double(later.max() ?? 0),
            tenSecondPeak: Double(windows.max() ?? 0) / 10
        )
    }

    @Test("keeps the peak of a day near the mean, where callers left to themselves come in waves")
    func dayOfAFleet() throws {
        let alone = try Self.load { Self.life * (0.5 + 0.1 * $0) }
        let spread = try Self.load { RefreshSpread.seconds(of: 300, chance: $0).map(Double.init) }
        // The figures of docs/reference/http.md.
        #expect(alone.peak / alone.mean > 5)
        #expect(alone.tenSecondPeak / alone.mean > 5)
        #expect(spread.peak / spread.mean < 2.2)
        #expect(spread.tenSecondPeak / spread.mean < 1.6)
        // And the issuer signs no more tokens for it.
        #expect(spread.mean / alone.mean < 1.02)
    }

    @Test("is always between the first and the last second of the life", arguments: [2, 3, 10, 60, 300, 86_400] as [Int64])
    func bounds(life: Int64) throws {
        for chance in [0, 0.5, 0.999_999] {
            let seconds = try #require(RefreshSpread.seconds(of: life, chance: chance))
            #expect((1..<life).contains(seconds))
        }
    }

    @Test("takes its chance from the random bytes of the token's identifier")
    func chance() {
        #expect(RefreshSpread.chance(of: Array(repeating: 0, count: 16)) == 0)
        #expect(RefreshSpread.chance(of: [0x80, 0, 0, 0, 0xFF]) == 0.5)
        #expect((0.999_999..<1).contains(RefreshSpread.chance(of: Array(repeating: 0xFF, count: 16))))
    }

    @Test("is left out for a life that leaves no time for it", arguments: [1, 0, -5] as [Int64])
    func noLife(life: Int64) {
        #expect(RefreshSpread.seconds(of: life, chance: 0.5) == nil)
    }
}
