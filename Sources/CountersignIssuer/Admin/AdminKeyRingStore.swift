internal import Countersign
internal import CountersignCrypto
internal import CountersignJOSE

/// A store as an admin with a certificate sees it: closed once the ring denies that certificate.
///
/// Every change is made from a ring that was read here and saved on condition that it is still that one, so a denial that was
/// saved before is never overtaken.
struct AdminKeyRingStore: KeyRingStore {
    private let store: any KeyRingStore
    private let certificate: Certificate

    init(_ store: any KeyRingStore, author certificate: Certificate) {
        self.store = store
        self.certificate = certificate
    }

    var location: String { store.location }

    func load(unless known: KeyRingRevision?) async throws(KeyRingError) -> StoredKeyRing? {
        let stored = try await store.load(unless: known)
        if let stored, Revocations(of: stored.ring).deny(certificate) {
            throw KeyRingError(.authorDenied, "the certificate \(certificate.serialHex) is denied")
        }
        return stored
    }

    func privateKey(for key: JWK) async throws(KeyRingError) -> RSAPrivateKey {
        try await store.privateKey(for: key)
    }

    func save(
        _ ring: KeyRing, adding newKeys: [RSAPrivateKey], replacing expected: KeyRingRevision?
    ) async throws(KeyRingError) -> StoredKeyRing {
        try await store.save(ring, adding: newKeys, replacing: expected)
    }

    func clearLeftovers() async throws(KeyRingError) -> ClearedLeftovers {
        try await store.clearLeftovers()
    }

    func receivers() async throws(KeyRingError) -> Receivers {
        try await store.receivers()
    }

    func note(_ sightings: [ReceiverSighting], at now: Timestamp) async throws(KeyRingError) {
        try await store.note(sightings, at: now)
    }
}
