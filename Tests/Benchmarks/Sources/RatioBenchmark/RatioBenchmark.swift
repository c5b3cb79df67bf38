import Foundation
import Workloads

/// Measures every pair of a file of thresholds, the two in turns in one run, and compares the median of the ratios with what is
/// written there. Exits with 1 when one does not hold. Processor time is measured, so that other programs disturb little.
///
///     RatioBenchmark FILE [words of the names to measure]
@main struct RatioBenchmark {
    static func main() async {
        do {
            guard CommandLine.arguments.count > 1 else { throw Unexpected("give the file of thresholds") }
            let words = CommandLine.arguments.dropFirst(2)
            let thresholds = try Threshold.read(CommandLine.arguments[1]).filter { threshold in
                words.isEmpty || words.contains { threshold.name.contains($0) || threshold.against?.contains($0) == true }
            }
            let failures = try await compare(thresholds)
            say(failures == 0 ? "none of \(thresholds.count) fails" : "\(failures) of \(thresholds.count) do not hold")
            exit(failures == 0 ? 0 : 1)
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(2)
        }
    }

    /// - Returns: How many do not hold.
    private static func compare(_ thresholds: [Threshold]) async throws -> Int {
        row(["workload", "against", "per second", "per second", "ratio", "at least", "holds"])
        var failures = 0
        for threshold in thresholds {
            let (rate, other, ratio) = try await Pair(threshold).measure()
            let verdict = threshold.verdict(on: ratio)
            if verdict == .fails { failures += 1 }
            row([
                threshold.name, threshold.against ?? "one second", text(rate), other.map(text) ?? "", text(ratio),
                text(threshold.least), verdict.rawValue,
            ])
        }
        return failures
    }

    private static func row(_ cells: [String]) {
        let widths = [38, 30, 10, 10, 9, 9, 5]
        let padded = zip(cells, widths).enumerated().map { column, cell in
            let space = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
            return column < 2 ? cell.0 + space : space + cell.0
        }
        say(padded.joined(separator: "  "))
    }

    private static func text(_ value: Double) -> String { String(format: value < 1000 ? "%.3f" : "%.0f", value) }

    /// At once, also into a pipe: this takes a minute.
    private static func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }
}
