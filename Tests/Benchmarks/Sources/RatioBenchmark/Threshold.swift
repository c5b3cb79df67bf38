import Foundation
import Workloads

/// One line of the file: how often a workload must be done in the time in which another is done once.
struct Threshold {
    let name: String
    /// `nil` for the rate itself, per second of one core.
    let against: String?
    /// Less is a failure.
    let least: Double
    /// What is aimed at, where that is more.
    let target: Double?
    /// What the processor must have for the numbers to mean anything, as Linux names it.
    let processor: String?

    /// - Throws: ``Unexpected`` with the first line that is not understood.
    static func read(_ path: String) throws -> [Threshold] {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
        return try lines.enumerated().compactMap { index, line in
            guard !line.allSatisfy(\.isWhitespace), !line.hasPrefix("#") else { return nil }
            let parts = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            guard (3...5).contains(parts.count), let least = Double(parts[2]) else {
                throw Unexpected("\(path), line \(index + 1): write \"workload | against | at least | target | processor\"")
            }
            return Threshold(
                name: parts[0], against: parts[1] == "one second" ? nil : parts[1], least: least,
                target: parts.count > 3 ? Double(parts[3]) : nil, processor: parts.count > 4 ? parts[4] : nil
            )
        }
    }

    func verdict(on ratio: Double) -> Verdict {
        if let processor, !Self.processorFlags.contains(Substring(processor)) { return .notHere }
        return ratio < least ? .fails : ratio < target ?? least ? .belowTarget : .holds
    }

    enum Verdict: String {
        case holds = "yes"
        case belowTarget = "yes, but below its target"
        case fails = "NO"
        case notHere = "says nothing on this processor"
    }

    private static let processorFlags: [Substring] = {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").first { $0.hasPrefix("flags") }?.split(separator: " ") ?? []
    }()
}
