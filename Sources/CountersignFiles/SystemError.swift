internal import Foundation

/// An operation of the system that failed.
package struct SystemError: Error {
    /// The file is not there.
    package let isNotFound: Bool
    /// The file is there, where a new one was to be made.
    package let isAlreadyThere: Bool
    /// Nobody reads any more from the pipe that was written to.
    package let isReaderGone: Bool
    /// What failed, on which file, and why, as part of a sentence.
    package let message: String
    /// Why, without the rest.
    package let reason: String

    /// Made right after the failure, while `errno` still tells of it.
    package init(_ operation: String, _ path: String) {
        let code = errno
        self.init(operation, path, reason: Self.text(code), code: code)
    }

    package init(_ operation: String, _ path: String, reason: String) {
        self.init(operation, path, reason: reason, code: 0)
    }

    /// What failed was Foundation's.
    package init(_ operation: String, _ path: String, _ error: any Error) {
        let code = (error as? CocoaError)?.underlying.flatMap { $0 as? POSIXError }?.code.rawValue
        self.init(operation, path, reason: code.map(Self.text) ?? "\(error)", code: code ?? 0)
    }

    private init(_ operation: String, _ path: String, reason: String, code: Int32) {
        isNotFound = code == ENOENT
        isAlreadyThere = code == EEXIST
        isReaderGone = code == EPIPE
        self.reason = reason
        message = "cannot \(operation) \(path): \(reason)"
    }

    private static func text(_ code: Int32) -> String {
        switch code {
        case ENOENT: "it is not there"
        case EACCES, EPERM: "permission denied"
        case EEXIST: "it is there already"
        case ELOOP: "it is a symbolic link"
        case ENOTDIR: "it or a part of its path is no directory"
        case EISDIR: "it is a directory"
        case EROFS: "the file system is read-only"
        case ENOSPC, EDQUOT: "the disk is full"
        case EMFILE, ENFILE: "too many files are open"
        case EIO: "the disk failed"
        case EPIPE: "its reader has gone"
        case EBADF: "it is closed"
        case EAGAIN: "it is in use or not ready"
        case EFBIG: "it would be larger than is allowed"
        case ENAMETOOLONG: "its path or a name in it is too long"
        case ENXIO: "nothing is behind it: no device, and nobody who reads"
        default: "system error \(code)"
        }
    }
}
