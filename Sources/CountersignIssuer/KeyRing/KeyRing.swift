public import CountersignCrypto
public import CountersignJOSE

/// The keys an issuer signs with, and where each is in its life: a value, without files, clock or randomness.
///
/// A key is *announced* (published, cannot sign), then *signing*, then *retiring* (published, cannot sign), then *retired*
/// (not published, private key destroyed); it can be *revoked* from any of these. There is exactly one signing key, because
/// there is one place for it, and at most one announced key. A ring begins with its first key; an empty ring does not exist.
///
/// It changes only by ``applying(_:at:)``. Every moment a key waits for is fixed when it enters a state, and a later change
/// of ``parameters`` can only move it further away: receivers and tokens in the field were promised the old one.
///
/// A clock that jumps back makes keys wait, never hurry: a key is due when the clock shows its moment, whatever it showed
/// before.
public struct KeyRing: Hashable, Sendable {
    /// The most keys that are published at once. A receiver fetches and searches the whole set.
    public static let maximumPublished = 8
    /// How long retired and revoked keys are remembered, in seconds: 90 days.
    public static let recordsKeptFor: Int64 = 90 * 86_400
    /// The most retired, and the most revoked, keys that are remembered; the oldest go first.
    public static let maximumRecords = 64
    /// The fewest characters of a kid that name a key.
    public static let shortestPrefix = 6

    /// The durations the ring works by.
    public internal(set) var parameters: KeyRingParameters
    /// The key that waits to sign.
    public internal(set) var announced: Announced?
    /// The key that signs.
    public internal(set) var signing: Signing
    /// The keys that signed and whose tokens may be alive, oldest first.
    public internal(set) var retiring: [Retiring]
    /// The keys whose tokens have all expired, oldest first.
    public internal(set) var retired: [Retired]
    /// The keys that were taken out, oldest first.
    public internal(set) var revoked: [Revoked]
    /// The services, certificates and keys of services that are denied, oldest first.
    public internal(set) var denials: [Denial]
    /// Grows by one whenever ``revoked`` or ``denials`` change: what receivers are told carries it, and a receiver never goes
    /// back to a lower one.
    public internal(set) var statusNumber: Int64
    /// Until when status documents may hold that were signed when ``KeyRingParameters/statusMaxAge`` was longer; nil when it never
    /// was.
    public internal(set) var olderStatusUntil: Timestamp?
    /// What was done to the ring, oldest first; at most ``maximumHistory``.
    public internal(set) var history: [Change]

    /// A new ring. Its first key signs at once: there is no receiver yet that could lack it.
    public init(firstKey: JWK, parameters: KeyRingParameters, at now: Timestamp) {
        self.init(
            parameters: parameters,
            signing: Signing(
                jwk: firstKey, created: now, announced: nil, since: now, promotion: .first, retireAfter: parameters.retireAfter
            )
        )
    }

    init(
        parameters: KeyRingParameters, announced: Announced? = nil, signing: Signing, retiring: [Retiring] = [],
        retired: [Retired] = [], revoked: [Revoked] = [], denials: [Denial] = [], statusNumber: Int64 = 0,
        history: [Change] = []
    ) {
        self.parameters = parameters
        self.announced = announced
        self.signing = signing
        self.retiring = retiring
        self.retired = retired
        self.revoked = revoked
        self.denials = denials
        self.statusNumber = statusNumber
        self.history = history
    }

    /// The keys receivers may verify with, in the order of their kids: a promotion changes nothing in the key set, so it does
    /// not change its `ETag` either.
    public var published: [JWK] {
        var keys = [signing.jwk] + retiring.map(\.signing.jwk)
        if let announced {
            keys.append(announced.jwk)
        }
        return keys.sorted { $0.kid.rawValue.utf8.lexicographicallyPrecedes($1.kid.rawValue.utf8) }
    }

    /// When something is next to be done, or nil when nothing ever is. In the past when it is due.
    public var nextChange: Timestamp? {
        ([announced?.signsFrom, nextRotation] + retiring.map(\.retiresFrom)).compactMap(\.self).min()
    }

    /// When a successor is to be announced so that it signs ``KeyRingParameters/rotateEvery`` after the present key began to;
    /// nil when that is turned off or a rotation is under way.
    public var nextRotation: Timestamp? {
        guard parameters.rotateEvery > 0, announced == nil else {
            return nil
        }
        return signing.since.adding(seconds: max(0, parameters.rotateEvery - parameters.announceFor))
    }
}

extension KeyRing {
    /// ``published`` as a key set.
    ///
    /// - Throws: ``KeyRingError`` with code `inconsistent`; a ring that came from a store never does.
    public func keySet() throws(KeyRingError) -> JWKSet {
        do {
            return try JWKSet(published)
        } catch {
            throw KeyRingError(.inconsistent, "the published keys are no key set: \(error.message)")
        }
    }
}
