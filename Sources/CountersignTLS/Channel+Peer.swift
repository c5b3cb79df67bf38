public import CountersignCrypto
public import NIOCore

extension Channel {
    /// The other end of the mutual TLS connection this channel belongs to, or `nil` when it belongs to none.
    ///
    /// Works on the connection's own channel and on its HTTP/2 streams. Does not suspend when called by the task that serves the
    /// connection's requests, or on the channel's event loop. Fails closed: a connection that is closed or not yet accepted has
    /// no peer.
    ///
    /// The peer was accepted when the connection was opened; ``Peer/standing(under:purpose:at:)`` says whether it still is.
    public nonisolated(nonsending) func mutualTLSPeer() async -> Peer? {
        if let peer = mutualTLSPeerAtHand() { return peer }
        guard !eventLoop.inEventLoop else { return nil }
        return try? await eventLoop.submit { self.mutualTLSPeerInPipeline() }.get()
    }

    /// ``mutualTLSPeer()`` where nothing has to be waited for; `nil` anywhere else.
    package func mutualTLSPeerAtHand() -> Peer? {
        ServedConnection.current?.peer(of: self) ?? mutualTLSPeerInPipeline()
    }

    /// To be called on the channel's event loop; `nil` anywhere else.
    package func mutualTLSPeerInPipeline() -> Peer? {
        var channel: (any Channel)? = self
        // The listening channel is the parent of all connections and may live on another event loop.
        while let here = channel, here.eventLoop.inEventLoop {
            if let handler = try? here.pipeline.syncOperations.handler(type: PeerHandler.self) { return handler.peer }
            channel = here.parent
        }
        return nil
    }
}
