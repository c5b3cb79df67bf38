public import CountersignCrypto
public import CountersignJOSE
internal import Dispatch

/// A key ring in a directory.
///
/// | file | mode | what it is |
/// |---|---|---|
/// | the directory | 700 | refused when others may enter it |
/// | `keyring.json` | 600 | the ring, public, in the form described at `KeyRingFormat`. Refused when others may change it |
/// | `<kid>.pem` | 600 | one private key, PKCS#8, named by its RFC 7638 thumbprint. Refused when others may read it |
/// | `receivers.json` | 600 | what receivers have fetched, see ``Receivers`` |
/// | `retired/` | 700 | private keys of retired and revoked keys, where the ring says that they are kept |
/// | `keyring-v1.json` | 600 | the ring before it was first written in the present form |
/// | `keyring.lock` | 600 | empty; holds the advisory lock of a writer |
/// | `.new-*` | 600 | a file being written; removed by the next writer, or the start of an issuer, when its own died |
///
/// A change writes new files beside the old, syncs them, renames them and syncs the directory, private keys before the ring
/// that names them: a crash leaves the old ring or the new one. The private key of a retired or revoked key is removed right
/// after the ring says so, or put aside; what a crash leaves of that, the next change or the start of an issuer removes. A file
/// the ring does not name is ignored.
///
/// Reading takes no lock. Writers take turns by the lock and refuse each other's stale changes by the revision, so several
/// issuers and commands may share one directory. Where the superuser writes, the files belong to the directory's owner.
/// The work is done on a thread of the store's own; the caller is suspended, not blocked.
public final class FileKeyRingStore: KeyRingStore {
    public var location: String { directory.path }

    private let directory: KeyRingDirectory
    private let lockWait: Duration
    private let queue = DispatchQueue(label: "countersign.keyring")

    /// A store in this directory, which need not exist yet.
    ///
    /// - Parameters:
    ///   - passphrase: with what private keys are encrypted and opened; nil for a ring whose keys are not encrypted. A key is
    ///     never added under another passphrase than the keys that are there: that is refused with `passphrase`.
    ///   - lockWait: how long a writer waits for another before it gives up with `locked`.
    public convenience init(
        directory path: String, passphrase: PassphraseSource? = nil, lockWait: Duration = .seconds(10)
    ) {
        self.init(directory: path, passphrase: passphrase, lockWait: lockWait, observer: nil)
    }

    init(
        directory path: String, passphrase: PassphraseSource? = nil, lockWait: Duration = .seconds(10),
        observer: FileStep.Observer?
    ) {
        self.directory = KeyRingDirectory(path, passphrase: passphrase, observer: observer)
        self.lockWait = lockWait
    }

    public func clearLeftovers() async throws(KeyRingError) -> ClearedLeftovers {
        try await offload { directory throws(KeyRingError) in
            // Whoever holds the lock removes the same after a change of its own.
            try directory.clearLeftoversUnlessLocked() ?? ClearedLeftovers()
        }
    }

    public func receivers() async throws(KeyRingError) -> Receivers {
        try await offload { directory throws(KeyRingError) in
            try directory.receivers()
        }
    }

    public func note(_ sightings: [ReceiverSighting], at now: Timestamp) async throws(KeyRingError) {
        _ = try await locked { directory throws(KeyRingError) in
            try directory.noteUnlessLocked(sightings, at: now)
        }
    }

    /// Encrypts every private key of the ring under another passphrase, or for the first time. Issuers that run go on with the keys
    /// they have opened, and need the new passphrase in their configuration and a restart before the next one.
    ///
    /// - Throws: ``KeyRingError``: `passphrase` when a key does not open with the present passphrase; then nothing is changed.
    ///   `notWritten` says how many keys are under the new one, where it is not none. Cut off by that or by a crash it is finished
    ///   by calling it again.
    public func changePassphrase(
        to new: PassphraseSource, by author: KeyRing.Author = .unnamed, at now: Timestamp
    ) async throws(KeyRingError) {
        _ = try await locked { directory throws(KeyRingError) in
            try directory.changePassphraseUnlessLocked(to: new)
        }
        do {
            _ = try await update { stored throws(KeyRingError) in
                KeyRingChange(stored.ring.recording("changed the passphrase of the private keys", by: author, at: now))
            }
        } catch {
            throw KeyRingError(
                error.code, "the private keys are under the new passphrase; to record that in the ring failed: \(error.message)",
                hint: "issuers need the new passphrase; the same command again records it"
            )
        }
    }

    public func load(unless known: KeyRingRevision?) async throws(KeyRingError) -> StoredKeyRing? {
        try await offload { directory throws(KeyRingError) in
            try directory.load(unless: known)
        }
    }

    public func privateKey(for key: JWK) async throws(KeyRingError) -> RSAPrivateKey {
        try await offload { directory throws(KeyRingError) in
            try directory.privateKey(for: key)
        }
    }

    public func save(
        _ ring: KeyRing, adding newKeys: [RSAPrivateKey], replacing expected: KeyRingRevision?
    ) async throws(KeyRingError) -> StoredKeyRing {
        try await locked { directory throws(KeyRingError) in
            try directory.saveUnlessLocked(ring, adding: newKeys, replacing: expected)
        }
    }

    /// Does something that gives nil while another writer holds the lock, until it does not.
    private func locked<Value: Sendable>(
        _ work: @escaping @Sendable (KeyRingDirectory) throws(KeyRingError) -> Value?
    ) async throws(KeyRingError) -> Value {
        let deadline = ContinuousClock.now.advanced(by: lockWait)
        while true {
            if let done = try await offload(work) {
                return done
            }
            guard ContinuousClock.now < deadline, !Task.isCancelled else {
                throw KeyRingError(
                    .locked, "another process is changing the key ring and holds \(directory.lockPath)",
                    hint: "try again; the lock goes with the process that holds it"
                )
            }
            // Between attempts the thread is free for readers.
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    private func offload<Value: Sendable>(
        _ work: @escaping @Sendable (KeyRingDirectory) throws(KeyRingError) -> Value
    ) async throws(KeyRingError) -> Value {
        let result: Result<Value, KeyRingError> = await withCheckedContinuation { continuation in
            queue.async { [directory] in
                do throws(KeyRingError) {
                    continuation.resume(returning: .success(try work(directory)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
