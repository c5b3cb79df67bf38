internal import CountersignCrypto
internal import CountersignJOSE
internal import Foundation

extension KeyRingDirectory {
    /// Saves under the lock. Nil when another writer holds it.
    func saveUnlessLocked(
        _ ring: KeyRing, adding newKeys: [RSAPrivateKey], replacing expected: KeyRingRevision?
    ) throws(KeyRingError) -> StoredKeyRing? {
        do {
            if expected == nil {
                try prepare()
            }
            let lock = try SystemFile.openForLock(lockPath)
            try give(lock)
            guard try lock.tryLock() else {
                return nil
            }
            let stored = try save(ring, adding: newKeys, replacing: expected)
            // Held until here; closing it gives it up.
            _ = consume lock
            return stored
        } catch let error as SystemError {
            throw KeyRingError(.notWritten, error.message)
        } catch let error as KeyRingError {
            throw error
        } catch {
            throw KeyRingError(.notWritten, "the key ring in \(path) cannot be written")
        }
    }

    private func save(
        _ ring: KeyRing, adding newKeys: [RSAPrivateKey], replacing expected: KeyRingRevision?
    ) throws -> StoredKeyRing {
        try refuseOpenDirectory()
        removeLeftovers()
        let current = try loadIfAny()
        try current.refuse(unless: expected, at: path)
        let added = try newKeys.keyed()
        try ring.refuseNewKeys(since: current?.ring) { kid in
            added[kid] != nil || FileManager.default.fileExists(atPath: privateKeyPath(kid))
        }
        let number = (current?.revision.number ?? 0) + 1
        let bytes = try KeyRingFormat.encode(ring, revision: number)

        for (kid, key) in added {
            try key.pem().withBytes { pem throws(SystemError) in
                try replace(privateKeyPath(kid), with: pem)
            }
        }
        if !added.isEmpty {
            try syncDirectory()
        }
        try replace(ringPath, with: bytes)
        try syncDirectory()
        destroy(ring.keysWithoutPrivateKey)
        return StoredKeyRing(ring: ring, revision: KeyRingRevision(number: number, content: SHA256.digest(of: bytes)))
    }

    private func loadIfAny() throws(KeyRingError) -> StoredKeyRing? {
        do {
            return try load(unless: nil)
        } catch let error where error.code == .notInitialised {
            return nil
        }
    }

    /// Makes the directory. One that is there and empty is closed to others; one that holds something is left as it is.
    private func prepare() throws {
        let files = FileManager.default
        if !files.fileExists(atPath: path) {
            do {
                try files.createDirectory(
                    atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700]
                )
            } catch {
                throw KeyRingError(.notWritten, "cannot make the directory \(path)")
            }
            try SystemFile.openDirectory("\(path)/..").sync()
        }
        if try files.contentsOfDirectory(atPath: path).isEmpty {
            try SystemFile.openDirectory(path).setMode(0o700)
        }
        try refuseOpenDirectory()
    }

    /// Puts bytes in the place of a file, all of them or none.
    private func replace(_ path: String, with bytes: [UInt8]) throws(SystemError) {
        let temporary = file(Self.temporaryPrefix + String(UInt64.random(in: .min ... .max), radix: 16))
        do {
            let file = try SystemFile.create(temporary, mode: 0o600)
            try give(file)
            try file.writeAndSync(bytes)
            try SystemFile.rename(temporary, to: path)
        } catch {
            try? FileManager.default.removeItem(atPath: temporary)
            throw error
        }
    }

    /// A file the superuser makes belongs to whoever owns the directory, or the issuer could not read it.
    private func give(_ file: borrowing SystemFile) throws(SystemError) {
        guard geteuid() == 0 else {
            return
        }
        let directory = try SystemFile.openDirectory(path).status()
        if directory.st_uid != 0 {
            try file.give(toOwner: directory.st_uid, group: directory.st_gid)
        }
    }

    private func syncDirectory() throws(SystemError) {
        try SystemFile.openDirectory(path).sync()
    }

    /// Files of a writer that died. Whoever holds the lock is the only writer, so none of them is in use.
    private func removeLeftovers() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        for name in names where name.hasPrefix(Self.temporaryPrefix) {
            // What cannot be removed now is in nobody's way and is tried again at the next change.
            try? FileManager.default.removeItem(atPath: file(name))
        }
    }

    /// The ring is saved already and no longer needs them; what cannot be removed now is tried again at the next change.
    private func destroy(_ kids: [KeyID]) {
        let present = kids.map(privateKeyPath).filter { FileManager.default.fileExists(atPath: $0) }
        for path in present {
            try? FileManager.default.removeItem(atPath: path)
        }
        if !present.isEmpty {
            try? syncDirectory()
        }
    }

    private static let temporaryPrefix = ".new-"
}
