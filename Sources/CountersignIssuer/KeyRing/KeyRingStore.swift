public import CountersignCrypto
public import CountersignJOSE

/// Where a key ring and its private keys are kept.
///
/// The ring is a value and the store holds it: whoever changes it reads it, makes the ring that should follow and saves that
/// on condition that nobody else was faster. Every store passes the same contract tests.
///
/// A conforming type owes its callers:
/// - a save is done wholly or not at all, also when the process dies in it, and the private keys are there before the ring
///   that names them;
/// - ``load(unless:)`` never waits for a writer and never sees half of a change;
/// - the private keys of retired and revoked keys are destroyed once the ring says so.
public protocol KeyRingStore: Sendable {
    /// Where the ring is, for messages: a path or an address.
    var location: String { get }

    /// The ring as it is now, or nil when it is still the one of the given revision.
    ///
    /// - Throws: ``KeyRingError``: `notInitialised` when there is none, or why it cannot be read.
    func load(unless known: KeyRingRevision?) async throws(KeyRingError) -> StoredKeyRing?

    /// The private key that belongs to a public one.
    ///
    /// - Throws: ``KeyRingError``: `privateKeyMissing`, `privateKeyWrong`, `permissions`, `unreadable`.
    func privateKey(for key: JWK) async throws(KeyRingError) -> RSAPrivateKey

    /// Makes this the ring, if the one there still has the expected revision.
    ///
    /// - Parameters:
    ///   - newKeys: the private keys of the keys that this change adds.
    ///   - expected: the revision the change was made from; nil makes the first ring.
    /// - Throws: ``KeyRingError``: `conflict` when the ring was changed since, `alreadyInitialised`, `privateKeyMissing` when
    ///   the ring names a new key without its private key, `locked`, `notWritten`.
    func save(
        _ ring: KeyRing, adding newKeys: [RSAPrivateKey], replacing expected: KeyRingRevision?
    ) async throws(KeyRingError) -> StoredKeyRing

    /// Removes, as the next change would, the private keys of retired and revoked keys that a change left behind which was cut off
    /// right after it was saved. While somebody else changes the ring nothing is removed, and that is not waited for.
    ///
    /// - Throws: ``KeyRingError`` when there is something to remove and the store cannot be changed, or the ring cannot be read.
    func clearLeftovers() async throws(KeyRingError) -> ClearedLeftovers

    /// What is known of the receivers, from all issuers on the ring. None when nothing was noted yet.
    ///
    /// - Throws: ``KeyRingError`` when it cannot be read.
    func receivers() async throws(KeyRingError) -> Receivers

    /// Takes over what an issuer has seen of receivers. Not part of the ring: it changes no revision.
    ///
    /// - Throws: ``KeyRingError``: `notInitialised` when there is no ring, `locked`, `notWritten`.
    func note(_ sightings: [ReceiverSighting], at now: Timestamp) async throws(KeyRingError)
}

/// What ``KeyRingStore/clearLeftovers()`` did.
public struct ClearedLeftovers: Sendable {
    /// The keys whose private keys were there and are no longer, or were put aside.
    public var kids: [KeyID] = []
    /// What is still there, and why; nil when nothing is.
    public var leftover: String?

    /// Nothing was there.
    public init() {}
}

/// One state of a stored ring. Two are the same when both the number and the content are: a file changed by hand under the
/// same number is another one.
public struct KeyRingRevision: Hashable, Sendable {
    /// Grows by one with every change.
    public let number: Int64
    let content: SHA256Digest
}

/// A ring as it was read or saved.
public struct StoredKeyRing: Sendable {
    /// The ring.
    public let ring: KeyRing
    /// Which state of the store it is.
    public let revision: KeyRingRevision
    /// The version of the form it was read in.
    let version: Int64
    /// What the change that saved it left behind and the next one removes; nil when nothing, as usual.
    let leftover: String?

    init(
        ring: KeyRing, revision: KeyRingRevision, version: Int64 = KeyRingFormat.version, leftover: String? = nil
    ) {
        self.ring = ring
        self.revision = revision
        self.version = version
        self.leftover = leftover
    }
}

extension KeyRingStore {
    /// The ring as it is now.
    ///
    /// - Throws: ``KeyRingError``: `notInitialised` when there is none, or why it cannot be read.
    public func load() async throws(KeyRingError) -> StoredKeyRing {
        guard let stored = try await load(unless: nil) else {
            throw KeyRingError(.unreadable, "\(location): the store gave no key ring")
        }
        return stored
    }
}

/// A ring that should follow the present one, with the private keys it adds.
public struct KeyRingChange: Sendable {
    /// The ring that should follow.
    public let ring: KeyRing
    /// The private keys of the keys it adds.
    public let newKeys: [RSAPrivateKey]

    public init(_ ring: KeyRing, adding newKeys: [RSAPrivateKey] = []) {
        self.ring = ring
        self.newKeys = newKeys
    }
}

extension KeyRingStore {
    /// Reads the ring, asks what should follow, saves it; again from the start when someone else was faster.
    ///
    /// - Parameter change: called with the present ring, possibly several times; nil changes nothing.
    /// - Returns: the ring as it is afterwards.
    /// - Throws: what `change` throws, or why the ring could not be read or saved. Whenever a round is lost another writer has
    ///   won it, so `conflict` after ``attempts`` rounds means that something else is wrong.
    public func update(
        _ change: (StoredKeyRing) async throws(KeyRingError) -> KeyRingChange?
    ) async throws(KeyRingError) -> StoredKeyRing {
        for _ in 1..<attempts {
            do {
                return try await updateOnce(change)
            } catch let error where error.code == .conflict {
                // Writers that met once should not meet again at the same instant.
                try? await Task.sleep(for: .milliseconds(Int.random(in: 1...20)))
            }
        }
        return try await updateOnce(change)
    }

    private func updateOnce(
        _ change: (StoredKeyRing) async throws(KeyRingError) -> KeyRingChange?
    ) async throws(KeyRingError) -> StoredKeyRing {
        let stored = try await load()
        guard let next = try await change(stored), next.ring != stored.ring else {
            return stored
        }
        return try await save(next.ring, adding: next.newKeys, replacing: stored.revision)
    }
}

private let attempts = 200
