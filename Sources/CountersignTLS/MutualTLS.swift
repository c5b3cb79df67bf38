public import CountersignCrypto
public import NIOCore
internal import NIOSSL

/// The server's side of a mutual TLS connection.
public enum MutualTLS {
    public struct Configuration: Sendable {
        /// From the accepted connection to the completed handshake.
        public var handshakeTimeout: TimeAmount
        /// The time certificates are judged at.
        public var clock: @Sendable () -> Timestamp
        /// Told of every connection that was not accepted, once each, on the connection's event loop: it must not block.
        public var onRefusal: @Sendable (HandshakeRefusal) -> Void

        public init(
            handshakeTimeout: TimeAmount = .seconds(10),
            clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
            onRefusal: @escaping @Sendable (HandshakeRefusal) -> Void = { _ in }
        ) {
            self.handshakeTimeout = handshakeTimeout
            self.clock = clock
            self.onRefusal = onRefusal
        }
    }

    /// Puts TLS in front of whatever `channel` does next. Call it on the channel's event loop, when the channel is set up.
    ///
    /// The client must present a certificate and prove possession of its key. Its path is judged by `tls.current.validator`,
    /// for client authentication and at the moment of the handshake; this costs about 0.1 ms on the event loop. A resumed
    /// session is judged in the same way. Handlers behind see `TLSUserEvent.handshakeCompleted` and data only of an accepted
    /// client, which ``NIOCore/Channel/mutualTLSPeer()`` gives. TLS 1.2 or newer; `h2` and `http/1.1` are offered by ALPN.
    ///
    /// - Parameter tls: Material loaded for ``TLSMaterial/Role/server``.
    public static func configureServer(
        _ channel: any Channel,
        tls: ReloadableTLS,
        configuration: Configuration = Configuration()
    ) throws {
        let opened = tls.current
        let peerHandler = PeerHandler(
            verifier: ClientVerifier(tls: tls, opened: opened, clock: configuration.clock),
            timeout: configuration.handshakeTimeout,
            onRefusal: configuration.onRefusal
        )
        let tlsHandler = NIOSSLServerHandler(
            context: opened.context,
            customVerificationCallback: { certificates, verdict in
                verdict.succeed(peerHandler.verify(certificates) ? .certificateVerified : .failed)
            },
            configuration: .init()
        )
        // With half-closed connections the TLS handler would not notice that the client has closed its side in answer to
        // our close, and keep the socket until its shutdown times out. HTTP over TLS has no use for them.
        try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
        try channel.pipeline.syncOperations.addHandlers([tlsHandler, peerHandler])
    }
}
