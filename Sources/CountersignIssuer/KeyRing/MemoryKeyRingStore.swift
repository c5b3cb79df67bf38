public import CountersignCrypto
public import CountersignJOSE
internal import Synchronization

/// A key ring that lives as long as the process: for tests, and as the plainest example of a store.
///
/// It keeps the ring in the form of ``FileKeyRingStore``, so that what passes through it has passed the same checks.
public final class MemoryKeyRingStore: KeyRingStore {
    private struct Content {
        var stored: StoredKeyRing?
        var privateKeys: [KeyID: RSAPrivateKey] = [:]
        var receivers = Receivers()
    }

    private let content = Mutex(Content())

    public let location = "memory"

    /// A store without a ring.
    public init() {}

    public func load(unless known: KeyRingRevision?) async throws(KeyRingError) -> StoredKeyRing? {
        guard let stored = content.withLock({ $0.stored }) else {
            throw KeyRingError(.notInitialised, "there is no key ring in memory")
        }
        return stored.revision == known ? nil : stored
    }

    public func privateKey(for key: JWK) async throws(KeyRingError) -> RSAPrivateKey {
        guard let privateKey = content.withLock({ $0.privateKeys[key.kid] }) else {
            throw KeyRingError(.privateKeyMissing, "the private key of \(key.kid) is not in memory")
        }
        return privateKey
    }

    /// A save here is never cut off.
    public func clearLeftovers() async throws(KeyRingError) -> ClearedLeftovers {
        ClearedLeftovers()
    }

    public func receivers() async throws(KeyRingError) -> Receivers {
        content.withLock { $0.receivers }
    }

    public func note(_ sightings: [ReceiverSighting], at now: Timestamp) async throws(KeyRingError) {
        try content.withLock { content throws(KeyRingError) in
            guard content.stored != nil else {
                throw KeyRingError(.notInitialised, "there is no key ring in memory")
            }
            content.receivers.merge(sightings, at: now)
        }
    }

    public func save(
        _ ring: KeyRing, adding newKeys: [RSAPrivateKey], replacing expected: KeyRingRevision?
    ) async throws(KeyRingError) -> StoredKeyRing {
        let added = try newKeys.keyed()
        return try content.withLock { content throws(KeyRingError) in
            try content.stored.refuse(unless: expected, at: location)
            try ring.refuseNewKeys(since: content.stored?.ring) { added[$0] != nil }
            let number = (content.stored?.revision.number ?? 0) + 1
            let bytes = try KeyRingFormat.encode(ring, revision: number)
            let stored = StoredKeyRing(ring: ring, revision: KeyRingRevision(number: number, content: SHA256.digest(of: bytes)))
            content.stored = stored
            content.privateKeys.merge(added) { old, _ in old }
            for kid in ring.keysWithoutPrivateKey {
                content.privateKeys[kid] = nil
            }
            return stored
        }
    }
}
