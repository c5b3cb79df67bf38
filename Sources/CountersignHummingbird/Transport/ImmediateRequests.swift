internal import CountersignCrypto
internal import HummingbirdCore
internal import NIOCore
internal import NIOHTTP1

/// The end of an HTTP/1 connection's pipeline for as long as all its requests are the ``ImmediateResponder``'s.
///
/// The first one that is not makes it an asynchronous channel, which the application serves from then on; everything passes this
/// handler, what came before it answered.
///
/// A request is answered when its turn on the event loop comes, and not when its end is read: first what has come on other
/// connections is read, so that ``RequestsInProgress`` sees how many wait. Whatever comes while a request waits, or while the
/// client does not take its answers, waits behind it in order, and no more is read.
final class ImmediateRequests: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart

    /// Of a request; its body is `nil` when it is too large.
    private enum State {
        case none
        case reading(HTTPRequestHead, body: ByteBuffer)
        /// Its turn will come.
        case waiting(HTTPRequestHead, body: ByteBuffer?)
        /// The application serves the connection.
        case handedOver
        /// Closed from this side. What comes still was sent by a client that has not noticed.
        case closed
    }

    private let responder: any ImmediateResponder
    private let peer: Peer?
    private let limits: HTTP1Limits
    private let application: EventLoopPromise<HTTP1Channel.Value>
    private let makeApplication: (any Channel) throws -> HTTP1Channel.Value

    private var state = State.none
    /// What came while nothing could be taken.
    private var later = CircularBuffer<HTTPServerRequestPart>()
    private var isReadHeld = false

    private let idleTimeout: TimeAmount
    private var idleTimer: Scheduled<Void>?
    private var isStopping = false

    /// - Parameters:
    ///   - peer: Who is at the other end of the connection.
    ///   - limits: Sends the responses.
    ///   - application: Gets the connection when it is handed over; fails when it ends before.
    ///   - makeApplication: Makes it the application's, by adding the handlers that it needs behind this one.
    init(
        _ responder: any ImmediateResponder, from peer: Peer?, limits: HTTP1Limits,
        _ configuration: MutualTLSServerConfiguration, application: EventLoopPromise<HTTP1Channel.Value>,
        makeApplication: @escaping (any Channel) throws -> HTTP1Channel.Value
    ) {
        self.responder = responder
        self.peer = peer
        self.limits = limits
        self.application = application
        self.makeApplication = makeApplication
        idleTimeout = TimeAmount(configuration.idleTimeout)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        closeWhenIdle(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        idleTimer?.cancel()
        application.fail(ChannelError.ioOnClosedChannel)
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .handedOver: context.fireChannelRead(data)
        case .closed: break
        default:
            if later.isEmpty, canTake(context) {
                take(unwrapInboundIn(data), context)
            } else {
                later.append(unwrapInboundIn(data))
            }
        }
    }

    private func canTake(_ context: ChannelHandlerContext) -> Bool {
        switch state {
        case .waiting, .closed: false
        case .none, .reading: context.channel.isWritable
        case .handedOver: true
        }
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let request) where responder.answers(request):
            state = .reading(request, body: ByteBuffer())
        case .head:
            handOver(part, context)
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
        _ bytes: ByteBuffer, to body: consuming ByteBuffer, of request: HTTPRequestHead, _ context: ChannelHandlerContext
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

    private func wait(_ request: HTTPRequestHead, body: ByteBuffer?, _ context: ChannelHandlerContext) {
        state = .waiting(request, body: body)
        context.eventLoop.assumeIsolated().execute { self.answer(context) }
    }

    private func answer(_ context: ChannelHandlerContext) {
        guard case .waiting(let request, let body) = state, !limits.isOutputOver, context.channel.isActive else { return }
        // Before the answer is made: nothing in it is older than the moment it is dated.
        let date = HTTPDate.text(at: .now())
        let response = responder.answer(to: request, body: body, from: peer)
        limits.respond(response, isToHead: request.method == .HEAD, date: date)
        // Sending may have called back, and nothing was to be taken then.
        if case .waiting = state { state = .none }
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
        if isStopping { closeIfAnswered(context) }
    }

    private func handOver(_ head: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        state = .handedOver
        idleTimer?.cancel()
        do {
            application.succeed(try makeApplication(context.channel))
        } catch {
            return close(context)
        }
        context.fireChannelRead(wrapInboundOut(head))
        // Those behind have not heard of it.
        if isStopping { context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
    }

    // MARK: The end of the connection

    private func closeIfAnswered(_ context: ChannelHandlerContext) {
        if case .none = state, later.isEmpty { close(context) }
    }

    private func close(_ context: ChannelHandlerContext) {
        state = .closed
        later = CircularBuffer()
        idleTimer?.cancel()
        context.close(promise: nil)
        // The client's own farewell is waited for.
        if isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    /// Closes the connection when it has had nothing to do for long. A request that is being read has its own time.
    private func closeWhenIdle(_ context: ChannelHandlerContext) {
        closeWhenIdle(context, at: limits.lastActive + idleTimeout)
    }

    private func closeWhenIdle(_ context: ChannelHandlerContext, at deadline: NIODeadline) {
        idleTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            let now = context.eventLoop.now
            if self.limits.lastActive + self.idleTimeout > now {
                self.closeWhenIdle(context)
            } else if case .none = self.state, self.later.isEmpty, !self.limits.isReading {
                self.close(context)
            } else {
                self.closeWhenIdle(context, at: now + self.idleTimeout)
            }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
        isStopping = true
        if case .handedOver = state { context.fireUserInboundEventTriggered(event) } else { closeIfAnswered(context) }
    }

    // MARK: Channel events

    func read(context: ChannelHandlerContext) {
        switch state {
        case .handedOver, .closed: return context.read()
        default: break
        }
        isReadHeld = !later.isEmpty || !context.channel.isWritable
        if !isReadHeld { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        context.fireChannelWritabilityChanged()
        if case .handedOver = state { return }
        goOn(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .handedOver = state { context.fireErrorCaught(error) } else { close(context) }
    }
}
