internal import CountersignCrypto
package import NIOCore

/// The connection whose requests a task serves: with it, their peer need not be looked for in the pipeline each time.
///
/// Tasks that are started while a request is served inherit it. It tells them nothing of other connections, and nothing any more
/// when this one has closed.
package final class ServedConnection: Sendable {
    @TaskLocal package static var current: ServedConnection?

    private let channel: any Channel
    private let peer: Peer

    /// To be called on the event loop of the connection's own channel. `nil` when no peer has been accepted on it.
    package init?(_ channel: any Channel) {
        guard let peer = channel.mutualTLSPeerInPipeline() else { return nil }
        self.channel = channel
        self.peer = peer
    }

    /// The peer, for the connection's channel or one of its streams, and as long as the connection is open.
    func peer(of other: any Channel) -> Peer? {
        guard channel.isActive, other === channel || other.parent === channel else { return nil }
        return peer
    }
}
