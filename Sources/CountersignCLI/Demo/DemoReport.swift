/// Prints each step of the story as it happens and counts what went otherwise.
struct DemoReport {
    private(set) var steps = 0
    private(set) var differences = 0

    var isAsExpected: Bool { differences == 0 }

    var summary: String {
        isAsExpected ? "All \(steps) steps went as expected." : "\(differences) of \(steps) steps went otherwise than expected."
    }

    /// One line: what was done, what was expected, what happened.
    mutating func step(_ title: String, expected: String, happened: String) {
        steps += 1
        let isRight = expected == happened
        if !isRight { differences += 1 }
        let number = steps < 10 ? " \(steps)" : "\(steps)"
        let outcome = isRight ? happened : "\(happened)   BUT EXPECTED: \(expected)"
        StandardOutput.write("\(isRight ? "ok  " : "FAIL") \(number)  \(title.padding(to: 58))  expected and got: \(outcome)")
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
