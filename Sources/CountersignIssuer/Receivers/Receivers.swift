public import CountersignCrypto
public import CountersignJOSE

/// The receivers that fetch keys and status from the issuers on a ring, and what they have: a value.
public struct Receivers: Hashable, Sendable {
    /// The most processes that are remembered; those not heard of for longest go first.
    public static let maximum = 4096
    /// The most processes of one name, so that none can crowd out the others by inventing instances.
    public static let maximumPerName = 64
    /// A process that was silent for this many seconds while another of its name was not has been replaced: receivers fetch
    /// every five minutes at least.
    public static let replacedAfter: Int64 = 900
    /// How long one that is not heard of is remembered, in seconds: 90 days.
    static let rememberedFor: Int64 = 90 * 86_400

    /// By name, then by instance.
    public private(set) var sightings: [ReceiverSighting]

    public init(_ sightings: [ReceiverSighting] = []) {
        self.sightings = []
        merge(sightings, at: Timestamp(secondsSince1970: .max))
    }

    /// Takes over what is newer.
    public mutating func merge(_ newer: [ReceiverSighting], at now: Timestamp) {
        var known: [Key: ReceiverSighting] = [:]
        for sighting in sightings + newer {
            known[Key(sighting), default: sighting].merge(sighting, at: now)
        }
        let remembered = known.values.filter {
            $0.seenAt.adding(seconds: Self.rememberedFor) >= now || now.secondsSince1970 == .max
        }
        var all = Dictionary(grouping: remembered, by: \.name).values.flatMap { processes in
            processes.count <= Self.maximumPerName
                ? processes : Array(processes.sorted { $0.seenAt > $1.seenAt }.prefix(Self.maximumPerName))
        }
        if all.count > Self.maximum {
            all = Array(all.sorted { $0.seenAt > $1.seenAt }.prefix(Self.maximum))
        }
        sightings = all.sorted { Key($0) < Key($1) }
    }

    /// Those that are not gone: heard of within the window, and not replaced by another process of the same name.
    public func present(at now: Timestamp, window: Int64) -> [ReceiverSighting] {
        present(sightings, at: now, window: window) { $0.seenAt }
    }

    /// Who has a key and who lacks it, among those that work by the key set and are not gone. Only fetches of the key set count
    /// for being there: whoever gave that up, and goes on with the status, is waited for no longer than others.
    public func standing(of kid: KeyID, at now: Timestamp, window: Int64) -> ReceiverStanding {
        let users = window == 0 ? [] : sightings.filter(\.usesKeys)
        return ReceiverStanding(present(users, at: now, window: window) { $0.keysAt ?? $0.seenAt }) { $0.keys.contains(kid) }
    }

    /// Who works by a status of at least this number, among those that fetch the status and are not gone.
    public func standing(ofStatus number: Int64, at now: Timestamp, window: Int64) -> ReceiverStanding {
        let users = sightings.filter { $0.statusAt != nil }
        let counted = present(users, at: now, window: max(window, Self.replacedAfter)) { $0.statusAt ?? $0.seenAt }
        return ReceiverStanding(counted) { ($0.statusNumber ?? -1) >= number }
    }

    /// The names of those that work by the key set and never fetch the status: they learn of a revoked key from the key set, and of
    /// anything else that is denied not at all.
    public func withoutStatus(at now: Timestamp, window: Int64) -> [String] {
        let present = present(at: now, window: max(window, Self.replacedAfter))
        return Set(present.filter { $0.statusAt == nil && $0.usesKeys }.map(\.name)).sorted()
    }

    private func present(
        _ all: [ReceiverSighting], at now: Timestamp, window: Int64, _ seen: (ReceiverSighting) -> Timestamp
    ) -> [ReceiverSighting] {
        var latest: [String: Timestamp] = [:]
        for sighting in all {
            latest[sighting.name] = max(latest[sighting.name] ?? seen(sighting), seen(sighting))
        }
        return all.filter { sighting in
            let newest = latest[sighting.name] ?? seen(sighting)
            return seen(sighting).adding(seconds: window) >= now
                && seen(sighting).adding(seconds: Self.replacedAfter) >= newest
        }
    }

    private struct Key: Hashable, Comparable {
        let name: String
        let instance: String

        init(_ sighting: ReceiverSighting) {
            name = sighting.name
            instance = sighting.instance
        }

        static func < (left: Key, right: Key) -> Bool {
            (left.name, left.instance) < (right.name, right.instance)
        }
    }
}

/// How many receivers have something, and who has not.
public struct ReceiverStanding: Hashable, Sendable {
    /// How many names are counted.
    public let total: Int
    /// Those that lack it, each name once, with when it was last heard of.
    public let waiting: [Waiting]

    /// A receiver that lacks something.
    public struct Waiting: Hashable, Sendable {
        public let name: String
        public let seenAt: Timestamp
    }

    init(_ counted: [ReceiverSighting], has: (ReceiverSighting) -> Bool) {
        var waiting: [String: Timestamp] = [:]
        for sighting in counted where !has(sighting) {
            waiting[sighting.name] = min(waiting[sighting.name] ?? sighting.seenAt, sighting.seenAt)
        }
        total = Set(counted.map(\.name)).count
        self.waiting = waiting.map { Waiting(name: $0.key, seenAt: $0.value) }.sorted { $0.name < $1.name }
    }

    /// How many have it.
    public var seen: Int { total - waiting.count }

    public var isComplete: Bool { waiting.isEmpty }

    /// `14/15 seen, waiting for billing-svc (last seen 3 h ago)`
    public func words(at now: Timestamp) -> String {
        let names = waiting.prefix(5).map { "\($0.name) (last seen \(Self.age($0.seenAt, now)) ago)" }
        let rest = waiting.count > 5 ? " and \(waiting.count - 5) more" : ""
        return "\(seen)/\(total) seen" + (waiting.isEmpty ? "" : ", waiting for \(names.joined(separator: ", "))\(rest)")
    }

    /// The largest unit that fits, rounded down.
    static func age(_ moment: Timestamp, _ now: Timestamp) -> String {
        let seconds = max(0, now.seconds(since: moment))
        for (unit, name) in [(86_400, "d"), (3600, "h"), (60, "min")] as [(Int64, String)] where seconds >= unit {
            return "\(seconds / unit) \(name)"
        }
        return "\(seconds) s"
    }
}
