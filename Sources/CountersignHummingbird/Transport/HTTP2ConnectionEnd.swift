internal import NIOCore
internal import NIOHTTP2

/// Starts the clocks of NIO's connection management, and closes connections that broke the protocol or that the client has
/// left. Stands before the management handler, which does neither.
final class HTTP2ConnectionEnd: ChannelInboundHandler, RemovableChannelHandler, NIOHTTP2FrameDelegate {
    typealias InboundIn = NIOAny
    typealias InboundOut = NIOAny

    /// Whether the frame that was sent last has reset a stream. NIO tells of what is wrong with a stream in the same words as of
    /// what is wrong with the connection, but right after it has reset the one, or said farewell to the other.
    private var hasResetStream = false

    func wroteFrame(_ frame: HTTP2Frame) {
        if case .rstStream = frame.payload { hasResetStream = true } else { hasResetStream = false }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // The connection became active before the protocol was chosen, when nobody behind this handler was there to be told.
        if context.channel.isActive { context.fireChannelActive() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        if event as? ChannelEvent == .inputClosed { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The other requests have nothing to do with it (RFC 9113 section 5.4.2). Of a client that makes 200 such errors NIO
        // ends the connection.
        if hasResetStream {
            hasResetStream = false
        } else {
            context.close(promise: nil)
        }
    }
}
