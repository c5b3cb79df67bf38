internal import CountersignCrypto
internal import CountersignFiles
internal import Foundation

/// The files of one directory. Every write is a new file, synced, renamed over the old one, and the directory synced: a crash
/// leaves the old content or the new, never a part.
struct Folder: Sendable {
    let path: String

    /// What a certificate or list file may weigh.
    static let maxBytes = 32 * 1024 * 1024

    func path(_ name: String) -> String { "\(path)/\(name)" }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    /// Something has the name, be it a link that leads nowhere.
    func isTaken(_ name: String) -> Bool { exists(name) || isLink(name) }

    func folder(_ name: String) -> Folder { Folder(path: path(name)) }

    /// It is a directory, or a link to one.
    func isDirectory(_ name: String) -> Bool {
        var isDirectory: ObjCBool = false
        return unsafe FileManager.default.fileExists(atPath: path(name), isDirectory: &isDirectory) && isDirectory.boolValue
    }

    /// Makes the directory, and those above it, unless it is there.
    func create(mode: Int) throws(PKIError) {
        guard !FileManager.default.fileExists(atPath: path) else { return }
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: mode]
            )
        } catch {
            throw PKIError(.fileSystem, SystemError("make the directory", path, error).message)
        }
    }

    /// The names of what is in the directory, sorted; none when it is not there.
    func names() throws(PKIError) -> [String] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw PKIError(.fileSystem, SystemError("list", path, error).message)
        }
    }

    /// The bytes of a file; `nil` when there is none.
    func read(_ name: String) throws(PKIError) -> [UInt8]? {
        try adapting { () throws(SystemError) in
            do throws(SystemError) {
                return try SystemFile.openFollowing(path(name)).read(limit: Self.maxBytes)
            } catch  where error.isNotFound {
                return nil
            }
        }
    }

    /// The bytes of a file that a command puts another in the place of; `nil` when there is none.
    ///
    /// A link is refused: the new file would take its place and not its target's. And whoever may write in the directory could
    /// name any file of whoever runs the command with one.
    ///
    /// - Throws: ``PKIError`` with `malformed` for a symbolic link.
    func readReplaceable(_ name: String) throws(PKIError) -> [UInt8]? {
        try refuseLink(name)
        return try adapting { () throws(SystemError) in
            do throws(SystemError) {
                // What has become a link since is refused here.
                return try SystemFile.open(path(name)).read(limit: Self.maxBytes)
            } catch  where error.isNotFound {
                return nil
            }
        }
    }

    /// - Throws: ``PKIError`` with `malformed` when a symbolic link is where something is to be written.
    func refuseLink(_ name: String) throws(PKIError) {
        guard isLink(name) else { return }
        throw PKIError(
            .malformed, "\(path(name)) is a symbolic link, where this command writes",
            hint: "put in its place what it leads to, and let a link elsewhere lead here"
        )
    }

    func isLink(_ name: String) -> Bool {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: path(name))) != nil
    }

    /// The bytes of a private key; `nil` when there is none.
    ///
    /// - Throws: ``PKIError`` with `permissions` when anybody but the owner may read it.
    func readPrivate(_ name: String) throws(PKIError) -> [UInt8]? {
        guard exists(name) else { return nil }
        let mode = try adapting { () throws(SystemError) in try SystemFile.openFollowing(path(name)).mode() }
        guard mode & 0o077 == 0 else {
            throw PKIError(
                .permissions, "\(path(name)) is a private key that others may read (mode \(String(mode, radix: 8)))",
                hint: "chmod 600 \(path(name)), and ask who has read it"
            )
        }
        return try read(name)
    }

    /// Removes what a writer that died had not given its name yet. Whoever holds the lock is the only writer, so none of it is
    /// in use.
    func removeLeftovers() {
        // What cannot be removed now is tried again by the next command.
        for name in (try? names()) ?? [] where SystemFile.isLeftover(name) {
            SystemFile.remove(path(name))
        }
    }

    /// Writes a file with this mode in the place of what was there.
    func write(_ bytes: [UInt8], to name: String, mode: mode_t) throws(PKIError) {
        try adapting { () throws(SystemError) in
            try SystemFile.replace(path(name), with: bytes, mode: mode)
            try SystemFile.openDirectory(path).sync()
        }
    }

    /// Runs `work` while no other process that asks the same way writes in the directory. Waits ten seconds for its turn.
    ///
    /// - Throws: what `work` throws; ``PKIError`` with `busy` or `not-initialised` (no such directory).
    func locked<Result>(_ work: () throws(PKIError) -> Result) throws(PKIError) -> Result {
        guard FileManager.default.fileExists(atPath: path) else {
            throw PKIError(.notInitialised, "there is no directory \(path)", hint: "countersign pki init --dir \(path) makes one")
        }
        let directory = try adapting { () throws(SystemError) in try SystemFile.openDirectory(path) }
        for attempt in 0..<200 {
            let isOurs = try adapting { () throws(SystemError) in try directory.tryLock() }
            if isOurs {
                let result = try work()
                // Not closed, and so not unlocked, before this point.
                extendLifetime(directory)
                return result
            }
            if attempt < 199 { usleep(50_000) }
        }
        throw PKIError(.busy, "another command is writing in \(path)", hint: "try again when it has finished")
    }

    private func adapting<Result: ~Copyable>(_ work: () throws(SystemError) -> Result) throws(PKIError) -> Result {
        do throws(SystemError) {
            return try work()
        } catch {
            throw PKIError(.fileSystem, error.message)
        }
    }
}
