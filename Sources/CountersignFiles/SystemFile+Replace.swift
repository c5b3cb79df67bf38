package import Foundation

extension SystemFile {
    /// Puts bytes in the place of a file, or of none, in one step: whoever opens it reads the old content or the new one.
    ///
    /// The new file has a name that nobody can foresee, is made only where nothing is, and has its mode and owner before there
    /// is anything in it: nothing that others put into the directory is written to, given away or opened to anybody. Its content
    /// is on the disk before it takes its name. A symbolic link is replaced and not followed; a device, pipe, socket or directory,
    /// and a link to one, is left where it is. Blocks on the file system.
    ///
    /// - Parameters:
    ///   - mode: whatever the umask says.
    ///   - owner: only the superuser may give a file away; as it comes when `nil`.
    ///   - group: as it comes when `nil`.
    package static func replace(
        _ path: String, with bytes: [UInt8], mode: mode_t, owner: uid_t? = nil, group: gid_t? = nil
    ) throws(SystemError) {
        let file = try createReplacement(of: path, mode: mode, owner: owner, group: group)
        do throws(SystemError) {
            try file.write(bytes)
            try file.sync()
            try rename(file.path, to: path)
        } catch {
            remove(file.path)
            throw error
        }
    }

    /// Finds out whether a file could be replaced, by making the new one beside it and removing that. Blocks on the file system.
    ///
    /// - Throws: what ``replace(_:with:mode:owner:group:)`` would, but for a disk that becomes full.
    package static func checkReplacing(
        _ path: String, mode: mode_t, owner: uid_t? = nil, group: gid_t? = nil
    ) throws(SystemError) {
        remove(try createReplacement(of: path, mode: mode, owner: owner, group: group).path)
    }

    /// A file of this name is one that ``replace(_:with:mode:owner:group:)`` is writing, or was when the process was killed.
    package static func isLeftover(_ name: String) -> Bool {
        name.hasPrefix(temporaryPrefix) && name.hasSuffix(temporarySuffix)
    }

    private static let temporaryPrefix = ".countersign-"
    private static let temporarySuffix = ".new"

    /// A new file beside the one to replace, with nothing in it.
    private static func createReplacement(
        of path: String, mode: mode_t, owner: uid_t?, group: gid_t?
    ) throws(SystemError) -> SystemFile {
        try checkReplaceable(path)
        let file = try create(temporaryPath(beside: path), mode: mode)
        guard owner != nil || group != nil else { return file }
        do throws(SystemError) {
            // The highest number leaves owner or group as it is.
            try file.give(toOwner: owner ?? .max, group: group ?? .max)
        } catch {
            remove(file.path)
            throw error
        }
        return file
    }

    /// Renaming would put the file in the place of a device as well, where the superuser names one.
    private static func checkReplaceable(_ path: String) throws(SystemError) {
        var status = stat()
        // Foundation does not say what kind of file stands under a name without following it, where that is a device.
        guard unsafe lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw SystemError("examine", path)
        }
        let isLink = status.st_mode & S_IFMT == S_IFLNK
        if isLink, unsafe stat(path, &status) != 0 {
            // It leads nowhere.
            return
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        // Such as /dev/stdout, a link to a pipe or a terminal.
        case _ where isLink: throw SystemError("replace", path, reason: "it is a symbolic link to something that is no file")
        case S_IFDIR: throw SystemError("replace", path, reason: "it is a directory")
        case S_IFIFO: throw SystemError("replace", path, reason: "it is a pipe")
        case S_IFSOCK: throw SystemError("replace", path, reason: "it is a socket")
        default: throw SystemError("replace", path, reason: "it is a device")
        }
    }

    private static func temporaryPath(beside path: String) -> String {
        let directory = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        return "\(directory)\(temporaryPrefix)\(String(UInt64.random(in: .min ... .max), radix: 36))\(temporarySuffix)"
    }
}
