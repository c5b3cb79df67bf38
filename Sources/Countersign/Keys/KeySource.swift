/// Where a receiver gets the issuer's public keys: a file, a fixed set, the network.
public protocol KeySource: Sendable {
    /// The set in force. Cheap; never waits for a network or a disk.
    ///
    /// - Throws: ``KeysUnavailable`` when there is no set that may still be trusted; the request is answered 503, never 401.
    func keySet(at now: Timestamp) throws(KeysUnavailable) -> KeySet

    /// Called when a token names a key that the set does not have: a chance to fetch once, bounded by the source so that
    /// invented identifiers cost nothing. Returns the set in force afterwards, with or without the key.
    func keySet(lacking kid: KeyID, at now: Timestamp) async throws(KeysUnavailable) -> KeySet

    /// Advanced whenever another set is in force; always the same object, asked for once.
    ///
    /// What was found out about a token is remembered for as long as it does not advance, so that a token that comes again is
    /// decided without asking the source. A source whose answer ends by itself, for instance because it is too old, makes it
    /// with ``Generation/init(elapsed:)`` and publishes that end: until then what is remembered is believed without asking.
    /// `nil`, the default, is for a source that cannot say when it changes: then nothing is remembered, and every token is
    /// checked in full.
    var generation: Generation? { get }
}

extension KeySource {
    public func keySet(lacking kid: KeyID, at now: Timestamp) async throws(KeysUnavailable) -> KeySet {
        try keySet(at: now)
    }

    public var generation: Generation? { nil }
}

/// The issuer's keys cannot be had: the answer is "cannot know", not "no".
public struct KeysUnavailable: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: what was tried, where, and what came of it.
    public let message: String

    public init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}

/// A set of keys that does not change: for tests, for offline verification, for `token verify --jwks`.
public struct FixedKeySource: KeySource {
    private let set: KeySet
    public let generation: Generation? = Generation()

    public init(_ keys: JWKSet) {
        set = KeySet(keys)
    }

    public func keySet(at now: Timestamp) throws(KeysUnavailable) -> KeySet { set }
}
