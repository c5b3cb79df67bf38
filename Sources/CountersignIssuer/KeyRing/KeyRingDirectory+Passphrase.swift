internal import CountersignCrypto
internal import CountersignFiles
internal import CountersignJOSE
internal import Foundation

// All private keys of a ring are under one passphrase, or under none.
extension KeyRingDirectory {
    /// Refuses to add a key under another passphrase than that of the keys that are there: the issuer could not open it.
    ///
    /// One key that opens is proof enough. Those whose files are missing or damaged prove nothing either way.
    func refuseOtherPassphrase(than ring: KeyRing) throws(KeyRingError) {
        var refusal: KeyRingError?
        for key in ring.ableToSign {
            guard let isEncrypted = try isEncrypted(key) else {
                continue
            }
            guard isEncrypted else {
                if passphrase != nil {
                    refusal = refusal ?? notEncrypted
                }
                continue
            }
            do {
                _ = try privateKey(for: key)
                return
            } catch let error where error.code == .passphrase || error.code == .permissions {
                refusal = error
            } catch {
                continue
            }
        }
        if let refusal {
            throw refusal
        }
    }

    /// Encrypts every private key under a new passphrase, those too that are kept although they can sign no more. Nil when another
    /// writer holds the lock.
    ///
    /// All are opened and written beside the old ones before one takes its place. When it is cut off before that, nothing has
    /// changed; while they take their places, some are under the new passphrase: the same call again goes on from there. The key
    /// that signs is the last, so that until then an issuer starts with the old one.
    func changePassphraseUnlessLocked(to new: PassphraseSource) throws(KeyRingError) -> Bool? {
        let next = KeyRingDirectory(path, passphrase: new, observer: observer)
        return try withLock {
            guard let ring = try load(unless: nil)?.ring else {
                return true
            }
            _ = try new.secret()
            let kept = try keptKeys()
            var files: [NewFile] = []
            if let kept {
                for name in kept.names {
                    let opened = try opened(orBy: next) { directory throws(KeyRingError) in
                        try directory.privateKey(
                            in: "\(retiredPath)/\(name)", hint: "move the file away if nobody needs it",
                            by: { _ throws(SystemError) in try kept.open(name) }
                        )
                    }
                    files.append(NewFile(name, in: kept, try next.pem(of: opened)))
                }
            }
            for key in ring.ableToSign.reversed() where FileManager.default.fileExists(atPath: privateKeyPath(key.kid)) {
                let opened = try opened(orBy: next) { directory throws(KeyRingError) in try directory.privateKey(for: key) }
                files.append(NewFile("\(key.kid).pem", in: nil, try next.pem(of: opened)))
            }
            try putInPlace(files)
            try syncInForce(with: kept)
            return true
        }
    }

    /// Writes all of the files, then gives each its name. What fails before the first has its name leaves everything as it was.
    private func putInPlace(_ files: [NewFile]) throws(KeyRingError) {
        var temporaries: [String] = []
        var done = 0
        do throws(SystemError) {
            for file in files {
                temporaries.append(
                    try file.pem.withBytes { bytes throws(SystemError) in try writeNew(bytes, for: path(of: file)) })
            }
            for (file, temporary) in zip(files, temporaries) {
                try put(temporary, inPlaceOf: file)
                done += 1
            }
        } catch {
            temporaries.dropFirst(done).forEach(SystemFile.remove)
            guard done > 0 else {
                throw KeyRingError(nothingWritten: error)
            }
            throw KeyRingError(
                .notWritten,
                "\(error.message); \(done) of \(files.count) private keys are under the new passphrase by now, the others as they were",
                hint: "see to the disk; the same command again finishes it"
            )
        }
    }

    private func put(_ temporary: String, inPlaceOf file: NewFile) throws(SystemError) {
        try observer?(FileStep(kind: .rename, path: path(of: file)))
        if let kept = file.kept {
            try SystemFile.rename(temporary, into: kept.directory, as: file.name)
        } else {
            try SystemFile.rename(temporary, to: path(of: file))
        }
    }

    private func path(of file: NewFile) -> String {
        file.kept == nil ? self.file(file.name) : "\(retiredPath)/\(file.name)"
    }

    /// The keys that are kept although they can sign no more; nil when none ever was.
    private func keptKeys() throws(SystemError) -> KeptKeys? {
        let directory: SystemFile
        do throws(SystemError) {
            directory = try openRetired()
        } catch let error where error.isNotFound {
            return nil
        }
        try observer?(FileStep(kind: .list, path: retiredPath))
        return try KeptKeys(directory)
    }

    /// A private key, also when a change that was cut off has put it under the next passphrase already.
    private func opened(
        orBy next: KeyRingDirectory, _ open: (KeyRingDirectory) throws(KeyRingError) -> RSAPrivateKey
    ) throws(KeyRingError) -> RSAPrivateKey {
        do {
            return try open(self)
        } catch {
            guard error.code == .passphrase, let opened = try? open(next) else {
                throw error
            }
            return opened
        }
    }

    /// The text of a private key, encrypted if there is a passphrase.
    func pem(of key: RSAPrivateKey) throws -> SecretBytes {
        guard let passphrase else {
            return try key.pem()
        }
        return try passphrase.secret().withBytes { secret throws(CryptoError) in try key.pem(passphrase: secret) }
    }

    /// Nil when there is no such file that could be read.
    private func isEncrypted(_ key: JWK) throws(KeyRingError) -> Bool? {
        let pem: SecretBytes
        do {
            pem = try readPEM(privateKeyPath(key.kid), hint: "")
        } catch {
            return nil
        }
        return Self.isEncrypted(pem)
    }

    private var notEncrypted: KeyRingError {
        KeyRingError(
            .passphrase, "the private keys in \(path) are not encrypted, and a passphrase was given",
            hint: "countersign keys passphrase --keys \(path) --new-passphrase SOURCE encrypts them; or give none"
        )
    }

    /// A private key under the next passphrase, and the file whose place it is to take. A class, since a secret is not copied.
    private final class NewFile {
        let name: String
        /// The directory of the file, where it is not that of the ring.
        let kept: KeptKeys?
        let pem: SecretBytes

        init(_ name: String, in kept: KeptKeys?, _ pem: consuming SecretBytes) {
            self.name = name
            self.kept = kept
            self.pem = pem
        }
    }
}

/// The directory of the keys that are kept, open, and the names of their files. It stays the one that was looked at, also when
/// a link to another takes its name meanwhile.
final class KeptKeys {
    let directory: SystemFile
    let names: [String]

    init(_ directory: consuming SystemFile) throws(SystemError) {
        names = try directory.names().filter { $0.hasSuffix(".pem") }.sorted()
        self.directory = directory
    }

    func open(_ name: String) throws(SystemError) -> SystemFile {
        try SystemFile.open(name, in: directory)
    }
}

extension KeyRing {
    /// The keys whose private keys are kept because they sign, will sign or have signed: the signing one first.
    var ableToSign: [JWK] {
        [signing.jwk] + (announced.map { [$0.jwk] } ?? []) + retiring.map(\.signing.jwk)
    }
}
