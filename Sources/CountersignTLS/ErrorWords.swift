internal import Foundation
internal import NIOCore
internal import NIOSSL

/// What the libraries below say, for people: no name of a Swift type, and no path of a source file.
package enum ErrorWords {
    /// Why something failed, as part of a sentence.
    package static func reason(_ error: any Error) -> String {
        switch error {
        case is CancellationError: "it was stopped before its end"
        case let error as IOError: system(error.errnoCode)
        case let error as POSIXError: system(error.code.rawValue)
        case ChannelError.connectTimeout: "no answer in time"
        case is ChannelError: "the connection was closed"
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: tls(in: "\(error)")
        default: "\(error)"
        }
    }

    /// The names of the reasons in a text of the TLS library: all else in it are source paths and numbers.
    package static func tls(in words: String) -> String {
        let names = words.split(separator: "OPENSSL_internal:").dropFirst().map { $0.prefix { $0 != " " && $0 != "]" } }
        guard names.isEmpty else { return names.joined(separator: ", ") }
        if words.contains("EOF during handshake") || words.contains("eofDuringHandshake") { return "the connection was closed" }
        // Behind the name of a type, as in `NIOSSLExtraError.failedToValidateHostname: Couldn't find ...`.
        guard let type = words.firstRange(of: ": "), !words[..<type.lowerBound].contains(" ") else {
            return "the TLS library gives no reason"
        }
        return String(words[type.upperBound...].prefix(200))
    }

    private static func system(_ code: CInt) -> String {
        switch code {
        case EADDRINUSE: "it is in use"
        case EADDRNOTAVAIL: "this machine has no such address"
        case EACCES, EPERM: "permission denied"
        case ENOENT: "it is not there"
        case EROFS: "the file system is read-only"
        case ECONNREFUSED: "connection refused, nothing listens there"
        case ECONNRESET: "connection reset by the other side"
        case EPIPE: "connection closed by the other side"
        case EHOSTUNREACH: "no route to the host"
        case ENETUNREACH: "the network cannot be reached"
        case ETIMEDOUT: "no answer in time"
        case EMFILE, ENFILE: "too many files are open"
        case ENOEXEC: "it is no program"
        default: "system error \(code)"
        }
    }
}
