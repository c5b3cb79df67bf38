internal import Foundation

/// How many files and connections the system lets this process have open.
enum OpenFileLimit {
    /// The limit in force, or `nil` where it cannot be told.
    static var current: Int? {
        // Text instead of a system call: the call has no form without unsafe pointers.
        guard let limits = try? String(contentsOfFile: "/proc/self/limits", encoding: .utf8) else {
            return nil
        }
        return limit(in: limits)
    }

    static func limit(in text: String) -> Int? {
        let line = text.split(separator: "\n").first { $0.hasPrefix("Max open files") }
        return (line?.dropFirst("Max open files".count).split(separator: " ").first).flatMap { Int($0) }
    }

    /// The connections that probes may have.
    static let operationsConnections = 256
    private static let ownFiles = 128

    /// How many connections leave enough for probes and for the issuer's own files: without these it could not read a revocation
    /// list or a key any more, and would go on with old ones.
    static func connections(wanted: Int, limit: Int?) -> Int {
        guard let limit else {
            return wanted
        }
        return max(1, min(wanted, limit - min(operationsConnections + ownFiles, limit / 2)))
    }
}
