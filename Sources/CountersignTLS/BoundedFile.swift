#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A whole regular file, read through one descriptor, so that what is said of its mode is said of the bytes returned.
struct BoundedFile {
    let bytes: [UInt8]
    /// Permission bits only.
    let mode: UInt32

    var isReadableByOthers: Bool { mode & 0o044 != 0 }

    var modeText: String { String(mode, radix: 8) }

    /// - Throws: ``TLSError`` with `source-missing`, `source-unreadable` or `source-too-large`.
    static func load(_ path: String, maxBytes: Int) throws(TLSError) -> BoundedFile {
        // Not blocking: opening a named pipe put in the file's place would otherwise wait for a writer.
        // System call: Foundation has no way to ask for the mode of the very file that is open.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { close(descriptor) }

        var status = stat()
        // System call: see above.
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TLSError(.sourceUnreadable, "\(path) is not a regular file")
        }
        let bytes = try contents(of: descriptor, path: path, size: Int(status.st_size), maxBytes: maxBytes)
        guard !bytes.isEmpty else { throw TLSError(.sourceMissing, "\(path) is empty") }
        return BoundedFile(bytes: bytes, mode: UInt32(status.st_mode & 0o7777))
    }

    /// Reads into one array, so that no second copy of a private key is left in freed memory.
    private static func contents(of descriptor: CInt, path: String, size: Int, maxBytes: Int) throws(TLSError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(0, min(size, maxBytes)) + 1)
        var filled = 0
        while filled < bytes.count {
            // System call: see above; the buffer outlives the call and bounds it.
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                return unsafe read(descriptor, rest.baseAddress, rest.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, errno) }
            guard count > 0 else {
                bytes.removeLast(bytes.count - filled)
                return bytes
            }
            filled += count
        }
        guard filled <= maxBytes else { throw TLSError(.sourceTooLarge, "\(path) holds more than \(maxBytes) bytes") }
        throw TLSError(.sourceUnreadable, "\(path) changed while it was read")
    }

    private static func failure(_ path: String, _ number: CInt) -> TLSError {
        switch number {
        case ENOENT, ENOTDIR: TLSError(.sourceMissing, "\(path) does not exist")
        case EACCES, EPERM: TLSError(.sourceUnreadable, "\(path) may not be read by this user")
        default: TLSError(.sourceUnreadable, "\(path) could not be read (system error \(number))")
        }
    }
}
