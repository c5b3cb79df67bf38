import Testing

@testable import CountersignIssuer

@Suite("The lines of refusals")
struct RefusalLinesTests {
    @Test("are a hundred at once and then one a second, which says how many it stands for")
    func bounded() {
        let lines = RefusalLines()
        for _ in 0..<100 { #expect(lines.tell("a", to: "x", at: .seconds(5)) == 1) }
        for _ in 0..<6 { #expect(lines.tell("a", to: "x", at: .seconds(5)) == nil) }
        #expect(lines.tell("a", to: "x", at: .milliseconds(5_999)) == nil)
        #expect(lines.tell("a", to: "x", at: .seconds(6)) == 8)
        #expect(lines.tell("a", to: "x", at: .seconds(6)) == nil)
        // After any pause no more than a hundred.
        #expect(lines.tell("a", to: "x", at: .seconds(1000)) == 2)
        for _ in 0..<99 { #expect(lines.tell("a", to: "x", at: .seconds(1000)) == 1) }
        #expect(lines.tell("a", to: "x", at: .seconds(1000)) == nil)
    }

    @Test("of one caller, or for one reason, take none from another")
    func apart() {
        let lines = RefusalLines()
        for _ in 0..<101 { _ = lines.tell("a", to: "x", at: .zero) }
        #expect(lines.tell("a", to: "x", at: .zero) == nil)
        #expect(lines.tell("a", to: "y", at: .zero) == 1)
        #expect(lines.tell("b", to: "x", at: .zero) == 1)
    }

    @Test("do not come by a clock that goes back")
    func clock() {
        let lines = RefusalLines()
        for _ in 0..<100 { _ = lines.tell("a", to: "x", at: .seconds(10)) }
        #expect(lines.tell("a", to: "x", at: .zero) == nil)
        #expect(lines.tell("a", to: "x", at: .seconds(10)) == nil)
        #expect(lines.tell("a", to: "x", at: .seconds(11)) == 3)
    }

    @Test("are bounded for any number of callers, and forget those that have not come for a while")
    func manyCallers() {
        let lines = RefusalLines()
        for caller in 0..<RefusalLines.maximumEntries {
            for _ in 0..<2 { #expect(lines.tell("a", to: "\(caller)", at: .zero) == 1) }
        }
        let told = (1000..<2000).compactMap { lines.tell("a", to: "\($0)", at: .zero) }
        #expect(told == Array(repeating: 1, count: 100))
        #expect(lines.tell("a", to: "3000", at: .seconds(1)) == 901)
        // All but the last have their hundred lines again.
        for caller in 4000..<4200 { #expect(lines.tell("a", to: "\(caller)", at: .seconds(2)) == 1) }
    }
}
