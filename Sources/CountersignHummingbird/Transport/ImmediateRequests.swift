internal import CountersignCrypto
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import NIOHTTPTypes

/// The end of an HTTP/1 connection's pipeline for as long as all its requests are the ``ImmediateResponder``'s.
///
/// The first one that is not makes it an asynchronous channel, which the application serves from then on; everything passes this
/// handler, what came before it answered.
///
/// A request is answered when its turn on the event loop comes, and not when its end is read: first what has come on other
/// connections is read, so that ``RequestsInProgress`` sees how many wait. Whatever comes while a request waits, or while the
/// client does not take its answers, waits behind it in order, and no more is read.
final class ImmediateRequests: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Of a request; its body is `nil` when it is too large.
    private enum State {
        case none
        case reading(HTTPRequest, body: ByteBuffer)
        /// Its turn will come.
        case waiting(HTTPRequest, body: ByteBuffer?)
        /// The application serves the connection.
        case handedOver
    }

    private let responder: any ImmediateResponder
    private let application: EventLoopPromise<HTTP1Channel.Value>
    private let peer: Peer?
    private var state = State.none
    /// What came while nothing could be taken.
    private var later = CircularBuffer<HTTPRequestPart>()
    private var isReadHeld = false

    /// - Parameters:
    ///   - peer: Who is at the other end of the connection.
    ///   - application: Gets the connection when it is handed over; fails when it ends before.
    init(_ responder: any ImmediateResponder, from peer: Peer?, application: EventLoopPromise<HTTP1Channel.Value>) {
        self.responder = responder
        self.peer = peer
        self.application = application
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        application.fail(ChannelError.ioOnClosedChannel)
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .handedOver = state { return context.fireChannelRead(data) }
        if later.isEmpty, canTake(context) { take(unwrapInboundIn(data), context) } else { later.append(unwrapInboundIn(data)) }
    }

    private func canTake(_ context: ChannelHandlerContext) -> Bool {
        switch state {
        case .waiting: false
        case .none, .reading: context.channel.isWritable
        case .handedOver: true
        }
    }

    private func take(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let request) where responder.answers(request):
            state = .reading(request, body: ByteBuffer())
        case .head:
            handOver(context)
            context.fireChannelRead(wrapInboundOut(part))
        case .body(let bytes):
            // Else it belongs to a request that was answered before its body had come to its end.
            guard case .reading(let request, let body) = state else { return }
            // The bytes are to be appended in place: nothing else holds them.
            state = .none
            append(bytes, to: body, of: request, context)
        case .end:
            guard case .reading(let request, let body) = state else { return }
            wait(request, body: body, context)
        }
    }

    private func append(
        _ bytes: ByteBuffer, to body: consuming ByteBuffer, of request: HTTPRequest, _ context: ChannelHandlerContext
    ) {
        if body.readableBytes + bytes.readableBytes > responder.maximumBodyBytes {
            wait(request, body: nil, context)
        } else if body.readableBytes == 0 {
            state = .reading(request, body: bytes)
        } else {
            body.writeImmutableBuffer(bytes)
            state = .reading(request, body: body)
        }
    }

    private func wait(_ request: HTTPRequest, body: ByteBuffer?, _ context: ChannelHandlerContext) {
        state = .waiting(request, body: body)
        context.eventLoop.assumeIsolated().execute { self.answer(context) }
    }

    private func answer(_ context: ChannelHandlerContext) {
        guard case .waiting(let request, let body) = state, context.channel.isActive else { return }
        // Before the answer is made: nothing in it is older than the moment it is dated.
        let date = HTTPDate.text(at: .now())
        var answer = responder.answer(to: request, body: body, from: peer)
        answer.head.headerFields[.contentLength] = String(answer.body.readableBytes)
        answer.head.headerFields[.date] = date
        state = .none
        context.write(wrapOutboundOut(.head(answer.head)), promise: nil)
        context.write(wrapOutboundOut(.body(answer.body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        goOn(context)
    }

    /// Takes what came while nothing could be taken.
    private func goOn(_ context: ChannelHandlerContext) {
        while canTake(context), let part = later.popFirst() {
            if case .handedOver = state { context.fireChannelRead(wrapInboundOut(part)) } else { take(part, context) }
        }
        guard canTake(context) else { return }
        // A client that sent much at once does not keep the room for it.
        if later.capacity > 64 { later = CircularBuffer() }
        if case .handedOver = state { context.fireChannelReadComplete() }
        if isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    private func handOver(_ context: ChannelHandlerContext) {
        state = .handedOver
        do {
            application.succeed(try HTTP1Connection.asynchronous(context.channel))
        } catch {
            context.close(promise: nil)
        }
    }

    // MARK: Channel events

    func read(context: ChannelHandlerContext) {
        if case .handedOver = state { return context.read() }
        isReadHeld = !later.isEmpty || !context.channel.isWritable
        if !isReadHeld { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        context.fireChannelWritabilityChanged()
        if case .handedOver = state { return }
        goOn(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .handedOver = state { return context.fireErrorCaught(error) }
        context.close(promise: nil)
    }
}
