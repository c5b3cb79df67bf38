#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Why a connection of ``TLSClientConnection`` did not come about or did not last. Equality is the code.
package struct TLSClientError: Error, Sendable {
    package struct Code: Hashable, Sendable {
        package let rawValue: String

        /// Nothing listens there, or there is no way to it.
        package static let unreachable = Code(rawValue: "unreachable")
        /// Nothing came, or nothing could be sent, in the time that was given.
        package static let timedOut = Code(rawValue: "timed-out")
        /// The other side ended the connection.
        package static let closed = Code(rawValue: "closed")
        /// TLS failed; the message has OpenSSL's words, which are the other side's alert where there was one.
        package static let tls = Code(rawValue: "tls")
    }

    package let code: Code
    /// A few words, the same for the same reason.
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// What a system call left in `errno`.
    init(system number: Int32) {
        switch number {
        case ECONNREFUSED: self.init(.unreachable, "connection refused")
        case EAGAIN, EINPROGRESS, ETIMEDOUT: self = .timedOut
        case 0, ECONNRESET, EPIPE: self = .closed
        default:
            // A static string of the library, copied here.
            let words = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "system error \(number)"
            self.init(.unreachable, words)
        }
    }

    static let timedOut = TLSClientError(.timedOut, "no answer in time")
    static let closed = TLSClientError(.closed, "connection closed by the other side")
}

extension TLSClientError: Equatable {
    package static func == (left: TLSClientError, right: TLSClientError) -> Bool { left.code == right.code }
}

extension TLSClientError: CustomStringConvertible {
    package var description: String { message }
}
