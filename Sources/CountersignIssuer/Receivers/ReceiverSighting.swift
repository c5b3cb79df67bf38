public import CountersignCrypto
public import CountersignJOSE

/// What one receiver is known to have fetched last.
///
/// A receiver is known by the service its certificate belongs to. Those that run several processes under one name send a
/// number of their own with each request, so that one that lags is not taken for another that does not.
public struct ReceiverSighting: Hashable, Sendable {
    /// The service's name.
    public let name: String
    /// Tells processes of one name apart; empty when the receiver does not say.
    public let instance: String
    /// When it last fetched the key set, or was told that it has the present one; nil when it never did.
    public var keysAt: Timestamp?
    /// The keys of that set that matter: the announced one, if there was one, and the signing one.
    public var keys: [KeyID]
    /// Whether it has fetched the key set at different times.
    public var keysAgain: Bool
    /// When it last fetched the status document, or was told that it has the present one; nil when it never did.
    public var statusAt: Timestamp?
    /// The number of that status document.
    public var statusNumber: Int64?

    public init(
        name: String, instance: String = "", keysAt: Timestamp? = nil, keys: [KeyID] = [], keysAgain: Bool = false,
        statusAt: Timestamp? = nil, statusNumber: Int64? = nil
    ) {
        self.name = name
        self.instance = instance
        self.keysAt = keysAt
        self.keys = keys
        self.keysAgain = keysAgain
        self.statusAt = statusAt
        self.statusNumber = statusNumber
    }

    /// Whether it works by the key set, rather than having looked at it once: it says which process it is, as our library does, or
    /// it came again.
    public var usesKeys: Bool { keysAt != nil && (keysAgain || !instance.isEmpty) }

    /// When it was last heard of.
    public var seenAt: Timestamp {
        max(keysAt ?? Timestamp(secondsSince1970: 0), statusAt ?? Timestamp(secondsSince1970: 0))
    }

    /// Takes over what is newer in another sighting of the same receiver.
    ///
    /// - Parameter now: a time that lies ahead of this was written by a clock that has been set back since, and gives way.
    mutating func merge(_ other: ReceiverSighting, at now: Timestamp) {
        if let at = other.keysAt, let known = keysAt, at != known {
            keysAgain = true
        }
        keysAgain = keysAgain || other.keysAgain
        if let at = other.keysAt, Self.isNewer(at, than: keysAt, now) {
            keysAt = at
            keys = other.keys
        }
        if let at = other.statusAt, Self.isNewer(at, than: statusAt, now) {
            statusAt = at
            statusNumber = other.statusNumber
        }
    }

    private static func isNewer(_ time: Timestamp, than known: Timestamp?, _ now: Timestamp) -> Bool {
        guard let known else {
            return true
        }
        return time >= known || known > now.adding(seconds: 60)
    }
}
