package import Foundation

/// A file that is open, closed when it goes out of scope; and the few things about files that Foundation cannot do: open
/// without following a link or overwriting, look at the mode of what is open, stay with a directory whatever its name leads to
/// later, rename over another file, sync, lock.
package struct SystemFile: ~Copyable {
    package let path: String
    private let descriptor: Int32

    /// Opens an existing file for reading. A symbolic link is refused; a pipe is not waited for.
    package static func open(_ path: String) throws(SystemError) -> SystemFile {
        try SystemFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, mode: 0)
    }

    /// Opens an existing file for reading, also by a symbolic link, as secrets are often laid out.
    package static func openFollowing(_ path: String) throws(SystemError) -> SystemFile {
        try SystemFile(path, O_RDONLY | O_NONBLOCK, mode: 0)
    }

    /// Opens an existing directory, also by a symbolic link.
    package static func openDirectory(_ path: String) throws(SystemError) -> SystemFile {
        try SystemFile(path, O_RDONLY | O_DIRECTORY, mode: 0)
    }

    /// Opens an existing file of a directory that is open, whatever the directory's name leads to by now, for reading. A symbolic
    /// link is refused; a pipe is not waited for.
    package static func open(_ name: String, in directory: borrowing SystemFile) throws(SystemError) -> SystemFile {
        try SystemFile("\(directory.path)/\(name)", O_RDONLY | O_NOFOLLOW | O_NONBLOCK, mode: 0, at: directory.descriptor, name)
    }

    /// Makes a file that was not there, with this mode whatever the umask says.
    package static func create(_ path: String, mode: mode_t) throws(SystemError) -> SystemFile {
        let file = try SystemFile(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
        try file.setMode(mode)
        return file
    }

    /// Opens a file to lock it; it is made if it was not there. A file that has another name as well is refused: it would be given
    /// to the directory's owner, and be it somebody else's.
    package static func openForLock(_ path: String) throws(SystemError) -> SystemFile {
        let file = try SystemFile(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode: 0o600)
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 else {
            throw SystemError("lock", path, reason: "it is no plain file with this as its only name")
        }
        return file
    }

    private init(
        _ path: String, _ flags: Int32, mode: mode_t, at directory: Int32 = AT_FDCWD, _ name: String? = nil
    ) throws(SystemError) {
        // Foundation has no way to open a file only if it is new, or only if it is not a link.
        descriptor = unsafe openat(directory, name ?? path, flags | O_CLOEXEC, mode)
        self.path = path
        guard descriptor >= 0 else {
            throw SystemError("open", path)
        }
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
        }
    }

    /// What kind of file it is, who owns it, who may read it, how long it is.
    package func status() throws(SystemError) -> stat {
        var status = stat()
        // Foundation looks at the name, which may mean another file by now; this looks at the file that is open.
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw SystemError("examine", path)
        }
        return status
    }

    /// The permission bits.
    package func mode() throws(SystemError) -> mode_t {
        try status().st_mode & 0o7777
    }

    /// The whole content, refused beyond `limit` bytes.
    package func read(limit: Int) throws(SystemError) -> [UInt8] {
        let length = try status().st_size
        guard length <= limit else {
            throw SystemError("read", path, reason: "it is longer than \(limit) bytes")
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while bytes.count <= limit {
            // Foundation's reading leaves copies of a private key in memory that nobody wipes.
            let count = unsafe Foundation.read(descriptor, &chunk, chunk.count)
            if count == 0 {
                return bytes
            }
            if count > 0 {
                bytes += chunk.prefix(count)
            } else if errno != EINTR {
                throw SystemError("read", path)
            }
        }
        throw SystemError("read", path, reason: "it is longer than \(limit) bytes")
    }

    /// The names of what is in the directory, in no order.
    package func names() throws(SystemError) -> [String] {
        // Foundation lists what the name leads to by now. A descriptor of its own, so that each listing begins at the beginning.
        let own = unsafe openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard own >= 0 else {
            throw SystemError("list", path)
        }
        guard let listing = unsafe fdopendir(own), let offset = MemoryLayout<dirent>.offset(of: \.d_name) else {
            let error = SystemError("list", path)
            close(own)
            throw error
        }
        defer { unsafe closedir(listing) }
        var names: [String] = []
        while true {
            // The end and a failure give the same, and the end leaves this as it was.
            errno = 0
            guard let entry = unsafe readdir(listing) else {
                guard errno == 0 else {
                    throw SystemError("list", path)
                }
                return names.filter { $0 != "." && $0 != ".." }
            }
            // An entry is only as long as its name, so it is read where it is and not copied.
            names.append(unsafe String(cString: UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)))
        }
    }

    /// Writes at the end.
    package func write(_ bytes: some RandomAccessCollection<UInt8>) throws(SystemError) {
        try Self.write(Array(bytes), to: descriptor, named: path)
    }

    /// Writes all of the bytes to what is open, waiting where it would block.
    static func write(_ bytes: [UInt8], to descriptor: Int32, named path: String) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            // As for reading.
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Foundation.write(descriptor, buffer.baseAddress.map { unsafe $0 + written }, buffer.count - written)
            }
            if count > 0 {
                written += count
            } else if count < 0, errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&wait, 1, -1)
            } else if count == 0 || errno != EINTR {
                throw SystemError("write", path)
            }
        }
    }

    /// Waits until the content, or for a directory its entries, are on the disk.
    package func sync() throws(SystemError) {
        guard fsync(descriptor) == 0 else {
            throw SystemError("sync", path)
        }
    }

    /// Sets who may do what with the file.
    package func setMode(_ mode: mode_t) throws(SystemError) {
        guard fchmod(descriptor, mode) == 0 else {
            throw SystemError("set the mode of", path)
        }
    }

    /// Gives the file to another owner, which only the superuser may.
    package func give(toOwner owner: uid_t, group: gid_t) throws(SystemError) {
        guard fchown(descriptor, owner, group) == 0 else {
            throw SystemError("change the owner of", path)
        }
    }

    /// Takes the advisory lock of the file, without waiting; it goes when the file is closed, also by the end of the process.
    package func tryLock() throws(SystemError) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
            return true
        }
        guard errno == EWOULDBLOCK || errno == EINTR else {
            throw SystemError("lock", path)
        }
        return false
    }

    /// Puts a file in the place of another, or of none, in one step.
    package static func rename(_ path: String, to newPath: String) throws(SystemError) {
        // Foundation moves a file only where none is.
        guard unsafe Foundation.rename(path, newPath) == 0 else {
            throw SystemError("rename", path)
        }
    }

    /// Moves a file into a directory that is open, whatever the directory's name leads to by now; in the place of another, or of
    /// none, in one step.
    package static func rename(
        _ path: String, into directory: borrowing SystemFile, as name: String
    ) throws(SystemError) {
        // Foundation knows directories by their names alone.
        guard unsafe renameat(AT_FDCWD, path, directory.descriptor, name) == 0 else {
            throw SystemError("move into \(directory.path) the file", path)
        }
    }

    /// Makes a directory, for its owner alone. False when something has that name already.
    package static func makeDirectory(_ path: String) throws(SystemError) -> Bool {
        // Foundation says nothing of whether it made it, and sets the mode by the name.
        if unsafe mkdir(path, 0o700) == 0 {
            return true
        }
        guard errno == EEXIST else {
            throw SystemError("make the directory", path)
        }
        return false
    }

    /// Removes a file, and never a directory; what is not there need not be removed.
    package static func remove(_ path: String) {
        // Foundation removes a directory with all that is in it.
        _ = unsafe unlink(path)
    }
}
