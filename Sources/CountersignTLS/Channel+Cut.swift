package import NIOCore
internal import NIOSSL

extension Channel {
    /// Closes the connection without the farewell of TLS, for a peer that has had its time: the farewell would be waited for, and
    /// what the peer has not taken would be waited for with it. To be called on the channel's event loop.
    package func cut() {
        guard let tls = try? pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) else {
            return close(promise: nil)
        }
        // Begins before TLS, which hears of it when it is done.
        tls.close(promise: nil)
    }
}
