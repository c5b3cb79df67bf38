internal import NIOCore

/// Starts the clocks of NIO's connection management, and closes connections that broke the protocol or that the client has
/// left. Stands before the management handler, which does neither.
final class HTTP2ConnectionEnd: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny
    typealias InboundOut = NIOAny

    func handlerAdded(context: ChannelHandlerContext) {
        // The connection became active before the protocol was chosen, when nobody behind this handler was there to be told.
        if context.channel.isActive { context.fireChannelActive() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        if event as? ChannelEvent == .inputClosed { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
