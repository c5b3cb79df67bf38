internal import CountersignFiles
internal import CountersignJOSE
internal import Foundation

// What a change leaves behind: private keys that are needed no more, and files of a writer that died.
extension KeyRingDirectory {
    /// Removes what a writer left behind that died, as the next change would. Nil when another writer holds the lock: what looks left
    /// behind may be its work.
    func clearLeftoversUnlessLocked() throws(KeyRingError) -> ClearedLeftovers? {
        // Without the lock at first: with nothing to remove, a directory that cannot be written is no fault.
        guard try !unneededKeys(of: loaded()).isEmpty || !leftoverNames().isEmpty else {
            return ClearedLeftovers()
        }
        return try withLock {
            removeLeftovers()
            let ring = try loaded()
            let unneeded = unneededKeys(of: ring)
            var cleared = ClearedLeftovers()
            cleared.leftover = clear(unneeded, keeping: ring.parameters.keepsRetiredKeys)
            cleared.kids = unneeded.filter { !FileManager.default.fileExists(atPath: privateKeyPath($0)) }
            return cleared
        }
    }

    /// Files of a writer that died. Whoever holds the lock is the only writer, so none of them is in use.
    func removeLeftovers() {
        for name in leftoverNames() {
            // What cannot be removed now is in nobody's way and is tried again at the next change.
            try? FileManager.default.removeItem(atPath: file(name))
        }
    }

    private func leftoverNames() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasPrefix(Self.temporaryPrefix) }
    }

    private func loaded() throws(KeyRingError) -> KeyRing {
        guard let stored = try load(unless: nil) else {
            throw KeyRingError(.unreadable, "\(path): the store gave no key ring")
        }
        return stored.ring
    }

    /// The keys that can sign no more and whose private keys are there all the same.
    func unneededKeys(of ring: KeyRing) -> [KeyID] {
        ring.keysWithoutPrivateKey.filter { FileManager.default.fileExists(atPath: privateKeyPath($0)) }
    }

    /// The ring is saved already and no longer needs them; what cannot be removed or put aside now is tried again at the next
    /// change, and said.
    func clear(_ kids: [KeyID], keeping: Bool) -> String? {
        guard !kids.isEmpty else {
            return nil
        }
        var leftover: String?
        for kid in kids {
            do {
                try clear(kid, keeping: keeping)
            } catch {
                let why = (error as? SystemError)?.message ?? "cannot remove \(privateKeyPath(kid))"
                leftover = leftover ?? "the private key of \(kid), which can sign no more, is still there: \(why)"
            }
        }
        // What comes back with a lost power supply is removed by the next change.
        try? syncDirectory()
        return leftover
    }

    private func clear(_ kid: KeyID, keeping: Bool) throws {
        let path = privateKeyPath(kid)
        if keeping {
            let isNew = try SystemFile.makeDirectory(retiredPath)
            let retired = try openRetired()
            if isNew {
                try give(retired)
            }
            try observer?(FileStep(kind: .rename, path: path))
            try SystemFile.rename(path, into: retired, as: "\(kid).pem")
            try retired.sync()
        } else {
            try observer?(FileStep(kind: .remove, path: path))
            try FileManager.default.removeItem(atPath: path)
        }
    }

    /// The directory of the keys that are kept. A link is refused: it belongs to whoever owns the ring, and where it leads the
    /// superuser's commands would move keys, and rewrite them.
    func openRetired() throws(SystemError) -> SystemFile {
        let retired = try SystemFile.open(retiredPath)
        guard try retired.status().st_mode & S_IFMT == S_IFDIR else {
            throw SystemError("open", retiredPath, reason: "it is no directory")
        }
        return retired
    }
}
