internal import CountersignCrypto
internal import CountersignFiles
internal import CountersignJOSE
internal import Foundation

extension KeyRingDirectory {
    /// Saves under the lock. Nil when another writer holds it.
    func saveUnlessLocked(
        _ ring: KeyRing, adding newKeys: [RSAPrivateKey], replacing expected: KeyRingRevision?
    ) throws(KeyRingError) -> StoredKeyRing? {
        if expected == nil {
            try asKeyRingError { try prepare() }
        }
        return try withLock { try save(ring, adding: newKeys, replacing: expected) }
    }

    /// Does something while holding the lock. Nil, and nothing is done, when another writer holds it.
    func withLock<Value>(_ work: () throws -> Value) throws(KeyRingError) -> Value? {
        try asKeyRingError {
            let lock: SystemFile
            do {
                lock = try SystemFile.openForLock(lockPath)
            } catch let error as SystemError where error.isNotFound {
                throw KeyRingError(
                    .notInitialised, "there is no key ring in \(path)", hint: "countersign keys init --keys \(path)"
                )
            }
            try give(lock)
            guard try lock.tryLock() else {
                return nil
            }
            let value = try work()
            // Held until here; closing it gives it up.
            _ = consume lock
            return value
        }
    }

    func asKeyRingError<Value>(_ work: () throws -> Value) throws(KeyRingError) -> Value {
        do {
            return try work()
        } catch let error as SystemError {
            throw KeyRingError(nothingWritten: error)
        } catch let error as KeyRingError {
            throw error
        } catch {
            throw KeyRingError(.notWritten, SystemError("write the key ring in", path, error).message)
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
        if let current, !added.isEmpty {
            try refuseOtherPassphrase(than: current.ring)
        }
        let number = (current?.revision.number ?? 0) + 1
        let bytes = try KeyRingFormat.encode(ring, revision: number)

        for (kid, key) in added {
            try pem(of: key).withBytes { pem throws(SystemError) in
                try replace(privateKeyPath(kid), with: pem)
            }
        }
        try keepOlderVersion(current)
        if !added.isEmpty {
            try syncDirectory()
        }
        try replace(ringPath, with: bytes)
        try syncInForce()
        let leftover = clear(unneededKeys(of: ring), keeping: ring.parameters.keepsRetiredKeys)
        return StoredKeyRing(
            ring: ring, revision: KeyRingRevision(number: number, content: SHA256.digest(of: bytes)), leftover: leftover
        )
    }

    /// A ring in an older form is put aside before it is first written in the present one: an older program may have to go on
    /// from there.
    private func keepOlderVersion(_ current: StoredKeyRing?) throws {
        let version = current?.version ?? KeyRingFormat.version
        guard version < KeyRingFormat.version else {
            return
        }
        try replace(file("keyring-v\(version).json"), with: SystemFile.open(ringPath).read(limit: KeyRingFormat.maxBytes))
        try syncDirectory()
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
            try observer?(FileStep(kind: .makeDirectory, path: path))
            try preparing("make") {
                try files.createDirectory(
                    atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700]
                )
            }
            try SystemFile.openDirectory("\(path)/..").sync()
        }
        if try preparing("use", { try files.contentsOfDirectory(atPath: path) }).isEmpty {
            try SystemFile.openDirectory(path).setMode(0o700)
        }
        try refuseOpenDirectory()
    }

    private func preparing<Value>(_ operation: String, _ work: () throws -> Value) throws(KeyRingError) -> Value {
        do {
            return try work()
        } catch {
            throw KeyRingError(
                .notWritten, SystemError("\(operation) the directory", path, error).message,
                hint: "name a directory that this user may make, or may read and write"
            )
        }
    }

    /// Puts bytes in the place of a file, all of them or none.
    func replace(_ path: String, with bytes: [UInt8]) throws(SystemError) {
        let temporary = try writeNew(bytes, for: path)
        do {
            try observer?(FileStep(kind: .rename, path: path))
            try SystemFile.rename(temporary, to: path)
        } catch {
            SystemFile.remove(temporary)
            throw error
        }
    }

    /// Writes what is to take the place of a file to a file of its own, which is on the disk then; none is left when that fails.
    ///
    /// - Returns: the path of the new file.
    func writeNew(_ bytes: [UInt8], for path: String) throws(SystemError) -> String {
        let temporary = file(Self.temporaryPrefix + String(UInt64.random(in: .min ... .max), radix: 16))
        do {
            try observer?(FileStep(kind: .create, path: path))
            let file = try SystemFile.create(temporary, mode: 0o600)
            try give(file)
            // In two pieces, so that whoever watches can see a file with half of its content.
            for piece in [bytes.prefix(bytes.count / 2), bytes.dropFirst(bytes.count / 2)] {
                try observer?(FileStep(kind: .write, path: path))
                try file.write(piece)
            }
            try observer?(FileStep(kind: .sync, path: path))
            try file.sync()
            return temporary
        } catch {
            SystemFile.remove(temporary)
            throw error
        }
    }

    /// A file the superuser makes belongs to whoever owns the directory, or the issuer could not read it.
    func give(_ file: borrowing SystemFile) throws(SystemError) {
        guard geteuid() == 0 else {
            return
        }
        let directory = try SystemFile.openDirectory(path).status()
        if directory.st_uid != 0 {
            try file.give(toOwner: directory.st_uid, group: directory.st_gid)
        }
    }

    func syncDirectory() throws(SystemError) {
        try observer?(FileStep(kind: .syncDirectory, path: path))
        try SystemFile.openDirectory(path).sync()
    }

    /// Syncs the directory, and that of the kept keys where they changed too, once readers see the change. When that fails nothing
    /// can be taken back, and it must not be said that something was.
    func syncInForce(with kept: KeptKeys? = nil) throws(KeyRingError) {
        do {
            try syncDirectory()
            if let kept {
                try observer?(FileStep(kind: .syncDirectory, path: retiredPath))
                try kept.directory.sync()
            }
        } catch {
            throw KeyRingError(
                .notWritten, "\(error.message); the change is in force all the same, and may be lost when the machine stops",
                hint: "see to the disk; countersign keys list --keys \(path) shows what is in force"
            )
        }
    }

    static let temporaryPrefix = ".new-"
}

extension KeyRingError {
    /// A step failed before which nothing was changed that readers see.
    init(nothingWritten error: SystemError) {
        self.init(.notWritten, error.message, hint: "what was there before is still there")
    }
}
