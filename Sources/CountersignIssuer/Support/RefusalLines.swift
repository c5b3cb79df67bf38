internal import Logging
internal import Synchronization

/// Decides which refusals get a line in the log, so that nobody fills a disk, or pushes the lines of others out of the log's
/// queue, by asking again and again for what is not given.
///
/// For each caller and reason a hundred lines are told at once and one in each second after that. The others are counted, and
/// the next line that is told says how many it stands for. What was counted for a caller who never comes again is not told.
/// Costs one short lock for each refusal.
final class RefusalLines: Sendable {
    static let burst = 100
    /// Of callers and reasons that are told apart. While there are more at once, the rest counts together for each reason.
    static let maximumEntries = 256

    private struct Key: Hashable {
        let caller: String
        let reason: String
    }

    /// A token bucket, and what came while it was empty.
    private struct Entry {
        var level = Double(burst)
        var at: Duration
        var untold = 0

        mutating func fill(until now: Duration) {
            level = min(Double(burst), level + max(.zero, now - at) / .seconds(1))
            at = max(at, now)
        }
    }

    private let entries = Mutex<[Key: Entry]>([:])

    /// - Parameters:
    ///   - caller: Who was refused, as far as anybody knows: a service, a certificate or an address.
    ///   - now: By a clock that cannot be set.
    /// - Returns: How many refusals the line stands for, this one among them; `nil` when there is to be no line.
    func tell(_ reason: String, to caller: String, at now: Duration) -> Int? {
        entries.withLock { entries in
            var key = Key(caller: caller, reason: reason)
            if entries[key] == nil, entries.count >= Self.maximumEntries {
                entries = entries.compactMapValues { entry in
                    var entry = entry
                    entry.fill(until: now)
                    return entry.level < Double(Self.burst) ? entry : nil
                }
                if entries.count >= Self.maximumEntries { key = Key(caller: "", reason: reason) }
            }
            var entry = entries[key] ?? Entry(at: now)
            defer { entries[key] = entry }
            entry.fill(until: now)
            entry.untold += 1
            guard entry.level >= 1 else { return nil }
            entry.level -= 1
            defer { entry.untold = 0 }
            return entry.untold
        }
    }
}

extension Logger.Metadata {
    /// The field that says how many refusals a line stands for, where it is more than one.
    static func refused(_ count: Int) -> Logger.MetadataValue? {
        count > 1 ? "\(count)" : nil
    }
}
