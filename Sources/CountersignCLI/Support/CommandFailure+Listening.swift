import Foundation
import NIOCore

extension CommandFailure {
    /// An address that cannot be listened on.
    ///
    /// - Parameter hint: what to do when it is in use.
    static func listening(on name: String, _ error: IOError, whenInUse hint: String) -> CommandFailure {
        .software("cannot listen on \(name): \(reason(error))", hint: error.errnoCode == EADDRINUSE ? hint : nil)
    }

    private static func reason(_ error: IOError) -> String {
        switch error.errnoCode {
        case EADDRINUSE: "it is in use"
        case EACCES, EPERM: "permission denied"
        case EADDRNOTAVAIL: "this machine has no such address"
        case ENOENT: "its directory is not there"
        case EROFS: "the file system is read-only"
        default: "\(error)"
        }
    }
}
