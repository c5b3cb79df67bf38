import Foundation
import NIOCore

/// Who is at the other end of a Unix socket, as the kernel says: nothing that the peer could claim.
struct PeerCredentials: Sendable {
    let processID: Int32
    let userID: UInt32

    /// - Returns: `nil` when the system does not say; nobody is let in then.
    static func of(_ channel: any Channel) -> EventLoopFuture<PeerCredentials?> {
        #if os(Linux)
            guard let provider = channel as? any SocketOptionProvider else { return channel.eventLoop.makeSucceededFuture(nil) }
            // `struct ucred` of socket(7), which the C library shows to programs of its own only.
            let answer: EventLoopFuture<UCred> = provider.unsafeGetSocketOption(
                level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED)
            )
            return answer.map { PeerCredentials(processID: $0.pid, userID: $0.uid) }
                .flatMapErrorThrowing { _ in nil }
        #else
            return channel.eventLoop.makeSucceededFuture(nil)
        #endif
    }

    private struct UCred: Sendable {
        var pid: Int32
        var uid: UInt32
        var gid: UInt32
    }
}
