import Foundation

/// The process of a `countersign` that was started under `timeout`, as Linux shows it.
struct ProgramProcess {
    let identifier: Int32

    /// - Parameter timeout: what was started; the program is its only child.
    init(under timeout: Int32) throws {
        let children = try String(contentsOfFile: "/proc/\(timeout)/task/\(timeout)/children", encoding: .utf8)
        guard let child = children.split(separator: " ").first.flatMap({ Int32($0) }) else {
            throw NotInTime(description: "process \(timeout) has no child")
        }
        identifier = child
    }

    /// What it weighs: the part of it that is in memory.
    func residentKiB() throws -> Int { try kib("VmRSS:") }

    /// The most that it ever weighed.
    func peakKiB() throws -> Int { try kib("VmHWM:") }

    private func kib(_ name: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(identifier)/status", encoding: .utf8)
        return status.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }
}
