package import CountersignCrypto
package import HTTPTypes
package import NIOCore

/// Answers requests for which there is nothing to wait: on their connection's event loop, without a task.
///
/// To get a request to a task and its response back costs more than all else that is done around the handler. A handler that
/// waits for others needs the task; one that only computes holds up its event loop with one and without.
package protocol ImmediateResponder: Sendable {
    /// The largest body that is collected.
    var maximumBodyBytes: Int { get }

    /// Whether requests with this header are answered here. The first one of a connection that is not leaves it, and with it all
    /// requests that follow, to the application.
    func answers(_ request: HTTPRequest) -> Bool

    /// The whole response; `Content-Length` and `Date` are added to it. Must not block.
    ///
    /// - Parameters:
    ///   - body: `nil` when there is more of it than ``maximumBodyBytes``.
    ///   - peer: Who is at the other end of the connection; see `Channel.mutualTLSPeer()`.
    func answer(to request: HTTPRequest, body: ByteBuffer?, from peer: Peer?) -> ImmediateAnswer
}

package struct ImmediateAnswer {
    package var head: HTTPResponse
    package var body: ByteBuffer

    package init(_ head: HTTPResponse, _ body: ByteBuffer) {
        self.head = head
        self.body = body
    }
}
