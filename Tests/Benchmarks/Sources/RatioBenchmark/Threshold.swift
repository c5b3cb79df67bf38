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

    /// - Throws: ``Unexpected`` with the first line that is not understood.
    static func read(_ path: String) throws -> [Threshold] {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
        return try lines.enumerated().compactMap { index, line in
            guard !line.allSatisfy(\.isWhitespace), !line.hasPrefix("#") else { return nil }
            let parts = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            let numbers = parts.dropFirst(2).compactMap(Double.init)
            guard (3...4).contains(parts.count), numbers.count == parts.count - 2, let least = numbers.first else {
                throw Unexpected("\(path), line \(index + 1): write \"workload | against | at least\", and a target or not")
            }
            return Threshold(
                name: parts[0], against: parts[1] == "one second" ? nil : parts[1], least: least,
                target: numbers.dropFirst().first
            )
        }
    }
}
