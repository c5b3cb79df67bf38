internal import CountersignCrypto
internal import CountersignFiles
internal import CountersignJOSE
internal import Foundation

/// The files of a key ring. Every call blocks for as long as the disk takes, so none is made on an event loop.
///
/// A change is: private keys written, synced and renamed into place, then `keyring.json` likewise, the directory synced after
/// each step. Until the second rename the old ring holds, from it on the new one; there is no moment between.
struct KeyRingDirectory: Sendable {
    let path: String
    /// Opens and closes the private keys; nil when they are not encrypted.
    let passphrase: PassphraseSource?
    let observer: FileStep.Observer?

    init(_ path: String, passphrase: PassphraseSource? = nil, observer: FileStep.Observer? = nil) {
        var path = path
        while path.count > 1, path.hasSuffix("/") {
            path.removeLast()
        }
        self.path = path
        self.passphrase = passphrase
        self.observer = observer
    }

    var ringPath: String { file("keyring.json") }
    var lockPath: String { file("keyring.lock") }

    var receiversPath: String { file("receivers.json") }
    /// Where private keys go that are kept although they can never sign again.
    var retiredPath: String { file("retired") }

    func privateKeyPath(_ kid: KeyID) -> String { file("\(kid).pem") }

    // MARK: Reading

    /// The ring, or nil when it is still the one of the given revision.
    func load(unless known: KeyRingRevision?) throws(KeyRingError) -> StoredKeyRing? {
        let (bytes, status) = try readRing()
        let content = SHA256.digest(of: bytes)
        let stored: StoredKeyRing?
        if let known, known.content == content {
            stored = nil
        } else {
            do {
                let (ring, revision, version) = try KeyRingFormat.decode(bytes)
                stored = StoredKeyRing(
                    ring: ring, revision: KeyRingRevision(number: revision, content: content), version: version
                )
            } catch {
                throw wrongRing(error)
            }
        }
        // After the content: the example is recognised in whatever modes a checkout gave it.
        try refuseWritable(status)
        try refuseOpenDirectory()
        return stored
    }

    func privateKey(for key: JWK) throws(KeyRingError) -> RSAPrivateKey {
        let path = privateKeyPath(key.kid)
        // A kid may begin with a dash, which the command line would take for an option.
        let hint = "restore it from a backup, or take the key out with countersign keys revoke --keys \(self.path) -- \(key.kid)"
        let privateKey = try privateKey(in: path, hint: hint)
        guard privateKey.publicKey == key.key else {
            throw KeyRingError(.privateKeyWrong, "\(path) holds another key than its name says", hint: hint)
        }
        return privateKey
    }

    /// Whatever key is in a file.
    func privateKey(
        in path: String, hint: String, by open: (String) throws(SystemError) -> SystemFile = SystemFile.open(_:)
    ) throws(KeyRingError) -> RSAPrivateKey {
        let pem = try readPEM(path, hint: hint, by: open)
        let secret = try passphrase(for: pem)
        do {
            return try secret.withBytes { secret throws(CryptoError) in
                try pem.withBytes { bytes throws(CryptoError) in
                    try RSAPrivateKey(pem: bytes, passphrase: secret.isEmpty ? nil : secret)
                }
            }
        } catch let error where error.code == .wrongPassphrase {
            throw KeyRingError(
                .passphrase, "\(path) does not open: \(error.message)",
                hint: passphrase.map { "put the passphrase it was encrypted with into \($0)" }
                    ?? "name where the passphrase is: --passphrase, or keys.passphrase in the configuration"
            )
        } catch {
            throw KeyRingError(.privateKeyWrong, "\(path) is no usable private key: \(error.message)", hint: hint)
        }
    }

    func readPEM(
        _ path: String, hint: String, by open: (String) throws(SystemError) -> SystemFile = SystemFile.open(_:)
    ) throws(KeyRingError) -> SecretBytes {
        do {
            let file = try open(path)
            let status = try file.status()
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw KeyRingError(.privateKeyWrong, "\(path) is not a file", hint: hint)
            }
            guard status.st_mode & 0o077 == 0 else {
                throw KeyRingError(
                    .permissions, "\(path) is a private key that others than its owner can read or change",
                    hint: "chmod 600 \(path)"
                )
            }
            return SecretBytes(try file.read(limit: 64 * 1024))
        } catch let error as SystemError {
            throw error.isNotFound
                ? KeyRingError(.privateKeyMissing, "\(path) is missing", hint: hint) : KeyRingError(.unreadable, error.message)
        } catch let error as KeyRingError {
            throw error
        } catch {
            throw KeyRingError(.unreadable, "cannot read \(path)")
        }
    }

    /// What opens a private key file; empty when it is not encrypted, or when there is nothing to open it with.
    private func passphrase(for pem: borrowing SecretBytes) throws(KeyRingError) -> SecretBytes {
        guard Self.isEncrypted(pem), let passphrase else {
            return SecretBytes([])
        }
        return try passphrase.secret()
    }

    static func isEncrypted(_ pem: borrowing SecretBytes) -> Bool {
        pem.withBytes { bytes in bytes.indices.contains { bytes[$0...].starts(with: "ENCRYPTED".utf8) } }
    }

    private func readRing() throws(KeyRingError) -> ([UInt8], stat) {
        do {
            let file = try SystemFile.open(ringPath)
            return (try file.read(limit: KeyRingFormat.maxBytes), try file.status())
        } catch let error where error.isNotFound {
            throw KeyRingError(
                .notInitialised, "there is no key ring in \(path)", hint: "countersign keys init --keys \(path)"
            )
        } catch {
            throw KeyRingError(.unreadable, error.message)
        }
    }

    private func wrongRing(_ error: KeyRingError) -> KeyRingError {
        let hint =
            error.code == .example
            ? "make a ring of your own with countersign keys init --keys keys"
            : error.hint ?? "restore \(ringPath) from a backup; keys without it can be started anew in another directory"
        return KeyRingError(error.code, "\(ringPath): \(error.message)", hint: hint)
    }

    private func refuseWritable(_ status: stat) throws(KeyRingError) {
        guard status.st_mode & 0o022 == 0 else {
            throw KeyRingError(
                .permissions, "\(ringPath) can be changed by others than its owner", hint: "chmod 600 \(ringPath)"
            )
        }
    }

    func refuseOpenDirectory() throws(KeyRingError) {
        let status: stat
        do {
            status = try SystemFile.openDirectory(path).status()
        } catch {
            throw KeyRingError(.unreadable, error.message)
        }
        guard status.st_mode & 0o077 == 0 else {
            throw KeyRingError(
                .permissions, "the directory \(path) can be entered by others than its owner", hint: "chmod 700 \(path)"
            )
        }
    }

    func file(_ name: String) -> String {
        path == "/" ? "/\(name)" : "\(path)/\(name)"
    }
}
