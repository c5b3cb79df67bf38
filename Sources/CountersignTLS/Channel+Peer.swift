public import CountersignCrypto
public import NIOCore

extension Channel {
    /// The other end of the mutual TLS connection this channel belongs to, or `nil` when it belongs to none.
    ///
    /// Works on the connection's own channel and on its HTTP/2 streams. Does not suspend when called on the channel's event
    /// loop, as request tasks are. Fails closed: a connection that is closed or not yet accepted has no peer.
    ///
    /// The peer was accepted when the connection was opened; ``Peer/standing(under:purpose:at:)`` says whether it still is.
    public nonisolated(nonsending) func mutualTLSPeer() async -> Peer? {
        if eventLoop.inEventLoop { return mutualTLSPeerOnEventLoop() }
        return try? await eventLoop.submit { self.mutualTLSPeerOnEventLoop() }.get()
    }

    /// The same without a task. To be called on the channel's event loop.
    package func mutualTLSPeerOnEventLoop() -> Peer? {
        var channel: (any Channel)? = self
        // The listening channel is the parent of all connections and may live on another event loop.
        while let here = channel, here.eventLoop.inEventLoop {
            if let handler = try? here.pipeline.syncOperations.handler(type: PeerHandler.self) { return handler.peer }
            channel = here.parent
        }
        return nil
    }
}
