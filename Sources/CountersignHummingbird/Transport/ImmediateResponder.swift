package import CountersignCrypto
package import NIOCore
package import NIOHTTP1

/// Answers requests for which there is nothing to wait: on their connection's event loop, without a task.
///
/// To get a request to a task and its response back costs more than all else that is done around the handler. A handler that
/// waits for others needs the task; one that only computes holds up its event loop with one and without.
package protocol ImmediateResponder: Sendable {
    /// The largest body that is collected.
    var maximumBodyBytes: Int { get }

    /// Whether requests with this header are answered here. The first one of a connection that is not leaves it, and with it all
    /// requests that follow, to the application.
    func answers(_ request: HTTPRequestHead) -> Bool

    /// Must not block.
    ///
    /// - Parameters:
    ///   - body: `nil` when there is more of it than ``maximumBodyBytes``.
    ///   - peer: Who is at the other end of the connection; see `Channel.mutualTLSPeer()`.
    func answer(to request: HTTPRequestHead, body: ByteBuffer?, from peer: Peer?) -> WholeResponse
}
