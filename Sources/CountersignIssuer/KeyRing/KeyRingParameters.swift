/// The durations a key ring works by, in whole seconds.
///
/// They are kept in the ring, so that the command line and every issuer on it agree, and they are only made together:
/// a combination that would publish a key for less time than its tokens live cannot be built.
public struct KeyRingParameters: Hashable, Sendable {
    /// How long a key is published before it may sign. At least the key set's max-age: until then a receiver may work from
    /// a set without the new key. 1 second to 30 days.
    public let announceFor: Int64
    /// How long a key stays published after it stopped signing. See ``retireAfter(longestTokenLifetime:)``. 1 second to
    /// 31 days.
    public let retireAfter: Int64
    /// How long a key signs before an issuer replaces it of its own accord; 0 turns that off.
    public let rotateEvery: Int64
    /// How long a receiver that was seen is waited for before a key is promoted, in seconds; 0 waits for none. One that was not
    /// seen for longer is taken to be gone. 0 to 365 days.
    public let receiverWindow: Int64
    /// How long a status document holds, in seconds: a receiver that gets no newer one refuses everything after that. 10
    /// seconds to a day.
    public let statusMaxAge: Int64
    /// How often receivers are asked to fetch the status document, in seconds. At most half of ``statusMaxAge``.
    public let statusPoll: Int64
    /// Whether the private keys of retired and revoked keys are put aside instead of being destroyed.
    public let keepsRetiredKeys: Bool

    /// Ten minutes of announcement, tokens of at most 15 minutes, no rotation of its own accord.
    public static let standard = KeyRingParameters(
        unchecked: 600, retireAfter: retireAfter(longestTokenLifetime: 900), rotateEvery: 0,
        receiverWindow: standardReceiverWindow, statusMaxAge: standardStatusMaxAge, statusPoll: standardStatusPoll,
        keepsRetiredKeys: false
    )

    /// A day.
    public static let standardReceiverWindow: Int64 = 86_400
    /// Two minutes.
    public static let standardStatusMaxAge: Int64 = 120
    /// 15 seconds.
    public static let standardStatusPoll: Int64 = 15

    /// Checks that the durations fit together.
    ///
    /// - Throws: ``KeyRingError`` with code `parameters` when one is out of range, or when `rotateEvery` is shorter than
    ///   `announceFor` (no key could be announced in time) or than a quarter of `retireAfter` (the key set would grow without
    ///   bound). A period that cannot be honoured is refused rather than stretched.
    public init(
        announceFor: Int64, retireAfter: Int64, rotateEvery: Int64, receiverWindow: Int64 = standardReceiverWindow,
        statusMaxAge: Int64 = standardStatusMaxAge, statusPoll: Int64 = standardStatusPoll, keepsRetiredKeys: Bool = false
    ) throws(KeyRingError) {
        guard (1...30 * day).contains(announceFor) else {
            throw KeyRingError(.parameters, "announceFor is \(announceFor) s; it must be between 1 s and 30 days")
        }
        guard (1...31 * day).contains(retireAfter) else {
            throw KeyRingError(.parameters, "retireAfter is \(retireAfter) s; it must be between 1 s and 31 days")
        }
        guard rotateEvery >= 0, rotateEvery <= 36_500 * day else {
            throw KeyRingError(.parameters, "rotateEvery is \(rotateEvery) s; it must be 0 (off) or at most 36500 days")
        }
        guard (0...365 * day).contains(receiverWindow) else {
            throw KeyRingError(
                .parameters, "receiverWindow is \(receiverWindow) s; it must be 0 (wait for none) or at most 365 days")
        }
        guard (10...day).contains(statusMaxAge) else {
            throw KeyRingError(.parameters, "statusMaxAge is \(statusMaxAge) s; it must be between 10 s and a day")
        }
        guard statusPoll >= 1, statusPoll <= statusMaxAge / 2 else {
            throw KeyRingError(
                .parameters,
                "statusPoll is \(statusPoll) s; it must be between 1 s and half of statusMaxAge, \(statusMaxAge / 2) s, so that one "
                    + "lost answer stops no receiver"
            )
        }
        let shortest = Self.shortestRotation(announceFor: announceFor, retireAfter: retireAfter)
        guard rotateEvery == 0 || rotateEvery >= shortest else {
            throw KeyRingError(
                .parameters,
                "rotateEvery is \(rotateEvery) s; with keys announced for \(announceFor) s and published for \(retireAfter) s "
                    + "after their last token it must be at least \(shortest) s, or 0 to turn it off"
            )
        }
        self.init(
            unchecked: announceFor, retireAfter: retireAfter, rotateEvery: rotateEvery, receiverWindow: receiverWindow,
            statusMaxAge: statusMaxAge, statusPoll: statusPoll, keepsRetiredKeys: keepsRetiredKeys
        )
    }

    /// How long a key must stay published once it was told to stop signing: the longest life of a token, a minute for clocks
    /// that differ, and five seconds for other issuers on the ring, which look twice a second, to notice.
    public static func retireAfter(longestTokenLifetime: Int64) -> Int64 {
        let (sum, overflow) = longestTokenLifetime.addingReportingOverflow(60 + 5)
        return overflow ? .max : sum
    }

    /// These parameters, and where the other's keep a key waiting or published for longer, the other's.
    ///
    /// `rotateEvery` stays, unless the longer times make it impossible.
    func raised(to other: KeyRingParameters) -> KeyRingParameters {
        let announceFor = max(announceFor, other.announceFor)
        let retireAfter = max(retireAfter, other.retireAfter)
        let shortest = Self.shortestRotation(announceFor: announceFor, retireAfter: retireAfter)
        return KeyRingParameters(
            unchecked: announceFor,
            retireAfter: retireAfter,
            rotateEvery: rotateEvery == 0 ? 0 : max(rotateEvery, shortest),
            receiverWindow: max(receiverWindow, other.receiverWindow),
            statusMaxAge: max(statusMaxAge, other.statusMaxAge),
            statusPoll: max(statusPoll, other.statusPoll),
            keepsRetiredKeys: keepsRetiredKeys || other.keepsRetiredKeys
        )
    }

    private init(
        unchecked announceFor: Int64, retireAfter: Int64, rotateEvery: Int64, receiverWindow: Int64, statusMaxAge: Int64,
        statusPoll: Int64, keepsRetiredKeys: Bool
    ) {
        self.announceFor = announceFor
        self.retireAfter = retireAfter
        self.rotateEvery = rotateEvery
        self.receiverWindow = receiverWindow
        self.statusMaxAge = statusMaxAge
        self.statusPoll = statusPoll
        self.keepsRetiredKeys = keepsRetiredKeys
    }

    /// With a quarter of `retireAfter` at most five keys are retiring at once, which beside the signing and the announced one
    /// leaves room under ``KeyRing/maximumPublished`` for a rotation by hand.
    private static func shortestRotation(announceFor: Int64, retireAfter: Int64) -> Int64 {
        max(announceFor, (retireAfter + 3) / 4)
    }
}

private let day: Int64 = 86_400
