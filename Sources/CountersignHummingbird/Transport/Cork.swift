internal import NIOCore

/// Holds back what a connection sends, so that the last answer and the farewell of TLS (RFC 8446, section 6.1) leave together: one
/// packet and one system call where there were two.
///
/// Stands before everything else. Nothing is lost by it: what is held goes out at the end, and before the connection is closed.
final class Cork: ChannelOutboundHandler {
    typealias OutboundIn = NIOAny

    private var isHolding = true
    private var context: ChannelHandlerContext?

    /// Runs `body` on the channel's event loop, and sends all that it wrote at once.
    static func hold(_ channel: any Channel, while body: () -> Void) {
        let cork = Cork()
        // A pipeline that takes none any more has nothing to send either.
        try? channel.pipeline.syncOperations.addHandler(cork, position: .first)
        body()
        cork.release()
    }

    private func release() {
        guard isHolding else { return }
        isHolding = false
        context?.flush()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func flush(context: ChannelHandlerContext) {
        if !isHolding { context.flush() }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        release()
        context.close(mode: mode, promise: promise)
    }
}
