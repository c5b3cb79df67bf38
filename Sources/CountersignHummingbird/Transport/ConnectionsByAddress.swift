internal import NIOCore
internal import Synchronization

/// Counts the open connections of each remote address. Asked when a connection is accepted and when it closes.
///
/// Holds as many entries as there are addresses with open connections.
package final class ConnectionsByAddress: Sendable {
    enum Verdict: Equatable {
        case admitted
        /// - Parameter tell: How many connections of the address were refused since that was last told; `nil` when it is too
        ///   early to tell again.
        case refused(tell: Int?)
    }

    private struct Entry {
        var open = 0
        var refused = 0
        var toldAt: NIODeadline?
    }

    static let noticeInterval = TimeAmount.seconds(1)

    let limit: Int
    private let entries = Mutex<[String: Entry]>([:])

    init(limit: Int) {
        self.limit = limit
    }

    /// Pair with ``closed(_:)`` if the answer is ``Verdict/admitted``.
    func opened(_ address: String, at now: NIODeadline) -> Verdict {
        entries.withLock { entries in
            var entry = entries[address] ?? Entry()
            defer { entries[address] = entry }
            guard entry.open >= limit else {
                entry.open += 1
                return .admitted
            }
            entry.refused += 1
            if let toldAt = entry.toldAt, now - toldAt < Self.noticeInterval { return .refused(tell: nil) }
            entry.toldAt = now
            defer { entry.refused = 0 }
            return .refused(tell: entry.refused)
        }
    }

    func closed(_ address: String) {
        entries.withLock { entries in
            guard var entry = entries[address] else { return }
            entry.open -= 1
            entries[address] = entry.open > 0 ? entry : nil
        }
    }

    /// What an address counts as: an IPv4 address is itself, an IPv6 address its first 64 bits, which is what one customer or
    /// one machine has. `nil` for what is no IP address.
    static func key(of address: SocketAddress) -> String? {
        address.ipAddress.map(key(ofIP:))
    }

    /// - Parameter text: As the system prints it.
    package static func key(ofIP text: String) -> String {
        guard text.contains(":") else { return text }
        // An IPv4 client of a socket that takes both kinds (RFC 4291 2.5.5.2).
        if text.hasPrefix("::ffff:"), text.contains(".") { return String(text.dropFirst("::ffff:".count)) }
        let sides = text.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
            .map { $0.split(separator: ":") }
        let first = sides.first ?? []
        let last = sides.count > 1 ? sides[1] : []
        let zeros = Array(repeating: Substring("0"), count: max(0, 8 - first.count - last.count))
        return (first + zeros + last).prefix(4).joined(separator: ":") + "::/64"
    }
}
