internal import CountersignCrypto
internal import CountersignTLS
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import NIOHTTPTypes

/// The end of an HTTP/1 connection's pipeline for as long as all its requests are the ``ImmediateResponder``'s.
///
/// The first one that is not makes it an asynchronous channel, which the application serves from then on; everything passes this
/// handler, what came before it answered.
///
/// A request is answered when its turn on the event loop comes, and not when its end is read: first all that has come on other
/// connections is read, so that ``RequestsInProgress`` sees how many wait. Of a client that does not read its answers no more
/// requests are read.
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

    private var isWaiting: Bool {
        if case .waiting = state { true } else { false }
    }

    private let responder: any ImmediateResponder
    private let application: EventLoopPromise<HTTP1Channel.Value>
    private var peer: Peer?
    private var state = State.none
    /// What came after the request that waits.
    private var later = CircularBuffer<HTTPRequestPart>()
    private var isReadHeld = false
    private var isInputOver = false

    /// - Parameter application: Gets the connection when it is handed over; fails when it ends before.
    init(_ responder: any ImmediateResponder, application: EventLoopPromise<HTTP1Channel.Value>) {
        self.responder = responder
        self.application = application
    }

    func handlerAdded(context: ChannelHandlerContext) {
        peer = context.channel.mutualTLSPeerInPipeline()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        application.fail(ChannelError.ioOnClosedChannel)
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .handedOver: context.fireChannelRead(data)
        case .waiting: later.append(unwrapInboundIn(data))
        case .none, .reading: take(unwrapInboundIn(data), context)
        }
    }

    private func take(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        switch (part, state) {
        case (.head(let request), _) where responder.answers(request):
            state = .reading(request, body: ByteBuffer())
        case (.head, _):
            handOver(context)
            context.fireChannelRead(wrapInboundOut(part))
        case (.body(var bytes), .reading(let request, var body)):
            // So that the bytes are appended in place.
            state = .none
            if body.readableBytes + bytes.readableBytes > responder.maximumBodyBytes {
                wait(request, body: nil, context)
            } else if body.readableBytes == 0 {
                state = .reading(request, body: bytes)
            } else {
                body.writeBuffer(&bytes)
                state = .reading(request, body: body)
            }
        case (.end, .reading(let request, let body)):
            wait(request, body: body, context)
        case (.body, _), (.end, _):
            // Of a request that was answered before its body had come to its end.
            break
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

    /// Takes what came while a request waited, if the client takes what it is sent.
    private func goOn(_ context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return }
        while !isWaiting, let part = later.popFirst() {
            if case .handedOver = state { context.fireChannelRead(wrapInboundOut(part)) } else { take(part, context) }
        }
        guard !isWaiting else { return }
        if case .handedOver = state {
            context.fireChannelReadComplete()
            if isInputOver { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        } else if isInputOver {
            // Nothing more will come; what has been written goes out first.
            context.close(mode: .output, promise: nil)
        }
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

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        guard event as? ChannelEvent == .inputClosed else { return }
        if case .handedOver = state { return }
        isInputOver = true
        goOn(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .handedOver = state { return context.fireErrorCaught(error) }
        context.close(promise: nil)
    }
}
