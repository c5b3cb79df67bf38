internal import CountersignTLS
internal import Foundation
internal import NIOCore

/// An address that cannot be listened on, and what to do.
package struct ListenFailure {
    package let message: String
    package let hint: String?

    /// - Parameter name: the address, or the path of a socket.
    /// - Returns: `nil` for an error that is not about the address.
    package init?(_ error: any Error, on name: String) {
        let reason: String
        switch error {
        case let error as IOError:
            switch error.errnoCode {
            case EADDRINUSE: hint = "stop the other process, or choose another address or port"
            case EADDRNOTAVAIL: hint = "name an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all"
            case EACCES, EPERM: hint = "choose another, which this user may listen on: ports below 1024 are often root's"
            case ENOENT: hint = "make it, or choose another path"
            default: hint = nil
            }
            reason = error.errnoCode == ENOENT ? "its directory is not there" : ErrorWords.reason(error)
        case is SocketAddressError, is SocketAddressError.UnknownHost:
            reason = "the host name cannot be resolved"
            hint = "name an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all"
        default: return nil
        }
        message = "cannot listen on \(name): \(reason)"
    }
}
