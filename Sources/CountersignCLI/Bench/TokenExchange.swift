import NIOCore
import NIOHTTP1

/// Request and answer on one kept-alive connection, one after the other.
final class TokenExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// Called once for each request, with what became of it.
    var answered: ((BenchOutcome) -> Void)?
    /// Whether another request may be sent.
    private(set) var canGoOn = true

    private var context: ChannelHandlerContext?
    private var status = 0
    private var body = ByteBuffer()
    private var failure: BenchOutcome?

    func send(_ request: BenchRequest) {
        guard let context, context.channel.isActive else { return fail(.closed) }
        body.clear()
        context.write(wrapOutboundOut(.head(request.head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(request.body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// Ends the connection, and with it the request under way.
    func fail(_ outcome: BenchOutcome) {
        canGoOn = false
        // Before the connection ends, which would be told in its place.
        let context = context
        complete(outcome)
        context?.close(promise: nil)
    }

    private func complete(_ outcome: BenchOutcome) {
        guard let answered else { return }
        self.answered = nil
        answered(outcome)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            status = Int(head.status.code)
            canGoOn = canGoOn && head.isKeepAlive
        case .body(var part):
            guard body.readableBytes + part.readableBytes <= BenchOutcome.maxBytes else { return fail(.tooLarge) }
            body.writeBuffer(&part)
        case .end:
            complete(BenchOutcome(status: status, body: body.readableBytesView))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = failure ?? BenchOutcome(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(failure ?? .closed)
        context.fireChannelInactive()
    }
}
