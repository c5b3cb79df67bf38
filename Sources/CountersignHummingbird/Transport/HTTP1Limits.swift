internal import CountersignCrypto
internal import NIOCore
internal import NIOHTTP1

/// Keeps one HTTP/1 connection within bounds: time for header and body, answers to what cannot be parsed, and the end of
/// connections that cannot go on.
///
/// Stands between the parser and everything else, so that it knows the protocol version, sees parse errors first, and can
/// answer by itself. Requests and responses are counted, because a client may send the next request before the last
/// response: an answer of ours is the answer to one request and must wait for those before it.
final class HTTP1Limits: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let headerTimeout: TimeAmount
    private let bodyTimeout: TimeAmount
    private let lastRequestAt: NIODeadline

    /// When the last response was complete; at first, when the connection was.
    private(set) var lastActive: NIODeadline

    /// Whether a request has begun to come, and not come to its end.
    var isReading: Bool { isReadingRequest || deadline != nil }

    /// Sends what is made in one piece.
    var bytes: HTTP1Bytes?
    private var context: ChannelHandlerContext?
    /// When the client has had its time.
    private var deadline: NIODeadline?
    private var timer: (task: Scheduled<Void>, ringsAt: NIODeadline)?

    private var requestsBegun = 0
    private var isReadingRequest = false
    private var isHead = false
    private var responsesEnded = 0
    private var isResponding = false

    /// The number of the request after whose response the connection ends, and the version it was made in.
    private var lastRequest: (number: Int, version: HTTPVersion)?
    /// Our own answer to a request, waiting for the responses before it.
    private var refusal: (answer: TransportRefusal, number: Int)?
    private var isInputOver = false
    private(set) var isOutputOver = false
    private var isStopping = false

    private var places: RequestPlaces?
    /// The request being read is not for the application: the server has enough to do. It is read to its end and answered so.
    private var isShed = false
    private var shedBytes = 0
    /// Whoever sends more than this with a request that is not served is not listened to any longer.
    private static let maxShedBytes = 64 * 1024
    /// Since the last of what was read at once.
    private var shedRequests = 0
    /// Whoever sends more of them at once than this does not wait for answers.
    private static let maxShedRequests = 16

    init(_ configuration: MutualTLSServerConfiguration, places: RequestPlaces?, at now: NIODeadline) {
        self.places = places
        headerTimeout = TimeAmount(configuration.headerTimeout)
        bodyTimeout = TimeAmount(configuration.bodyTimeout)
        lastRequestAt = now + TimeAmount(configuration.maxConnectionAge)
        lastActive = now
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.task.cancel()
        places?.giveBackAll()
        self.context = nil
    }

    // MARK: Requests

    /// Bytes are about to be parsed.
    func bytesArrived() {
        guard !isReadingRequest, !isInputOver, deadline == nil, let context else { return }
        deadline = context.eventLoop.now + headerTimeout
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isInputOver else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            requestsBegun += 1
            isReadingRequest = true
            isHead = head.method == .HEAD
            guard head.hasRequiredHost else { return refuse(.badRequest) }
            guard head.hasKnownTransferCoding else { return refuse(.notImplemented) }
            if places?.begin() == false {
                // An answer that has to wait for others would itself be work in progress.
                // Neither are answers piled up for a client that does not read them.
                shedRequests += 1
                guard responsesEnded == requestsBegun - 1, context.channel.isWritable, shedRequests <= Self.maxShedRequests
                else { return refuse(.overloaded) }
                isShed = true
                shedBytes = 0
            }
            let now = context.eventLoop.now
            if !head.keepsConnection || now >= lastRequestAt { lastRequest = (requestsBegun, head.version) }
            deadline = now + bodyTimeout
            if head.expectsContinue, responsesEnded == requestsBegun - 1 {
                // Nothing of ours reads a header and refuses the body unseen, so the client need not wait (RFC 9110 10.1.1). A
                // body that is not served is asked for too: that keeps the connection.
                bytes?.send(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n"))
            }
        case .body(let bytes) where isShed:
            shedBytes += bytes.readableBytes
            if shedBytes > Self.maxShedBytes { refuse(.overloaded) }
        case .body:
            break
        case .end:
            if !isShed, responsesEnded < requestsBegun {
                let isResponding = isResponding && responsesEnded == requestsBegun - 1
                if places?.complete(isResponding: isResponding) == false { return refuse(.overloaded) }
                // It waits for a client that does not read what came before, and not for the server.
                if !context.channel.isWritable { places?.giveBackAll() }
            }
            deadline = nil
            isReadingRequest = false
            isInputOver = lastRequest != nil
            if isShed {
                isShed = false
                return answerShed()
            }
        }
        if !isShed { context.fireChannelRead(data) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        shedRequests = 0
        watchClock()
        if isReadingRequest, !isShed, !isInputOver, responsesEnded < requestsBegun {
            places?.lend(on: context.eventLoop) { self.places?.endLoan() }
        }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable { places?.giveBackAll() }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else { return context.fireErrorCaught(error) }
        refuse(error == .headerOverflow ? .headerTooLarge : .badRequest)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { isStopping = true }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: Our own answers

    /// Sets a timer for what is not complete with what was read at once. Most requests are, so that they need none; a timer that
    /// is set is left to ring, and then looks whether it still has a reason.
    private func watchClock() {
        guard let context, let deadline else { return }
        if let timer, timer.ringsAt <= deadline { return }
        timer?.task.cancel()
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timer = nil
            if let deadline = self.deadline, deadline <= context.eventLoop.now {
                self.refuse(.timeout)
            } else {
                self.watchClock()
            }
        }
        timer = (task, deadline)
    }

    /// Answers the request being read, or the one that should have come next, and ends the connection.
    private func refuse(_ answer: TransportRefusal) {
        guard !isInputOver else { return }
        isInputOver = true
        deadline = nil
        refusal = (answer, isReadingRequest ? requestsBegun : requestsBegun + 1)
        refuseIfDue()
    }

    private func refuseIfDue() {
        guard let context, let refusal, !isOutputOver, responsesEnded >= refusal.number - 1 else { return }
        self.refusal = nil
        isOutputOver = true
        // A response that has begun cannot be taken back; the client will notice that it is cut short.
        guard !isResponding, responsesEnded == refusal.number - 1 else { return context.close(promise: nil) }
        let text = refusal.answer.response.http1(
            .http1_1, isLast: true, isToHead: isReadingRequest && isHead, date: HTTPDate.text(at: .now()),
            allocator: context.channel.allocator)
        close(context) { bytes?.send(text) }
    }

    /// The connection goes on: to open another would cost both sides more than the request.
    private func answerShed() {
        respond(TransportRefusal.overloaded.response, isToHead: isHead, date: HTTPDate.text(at: .now()))
    }

    /// Closed by those behind. Until the client has taken its leave too, what it sent before is not heard any more.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if case .all = mode {
            isInputOver = true
            isOutputOver = true
            deadline = nil
            refusal = nil
        }
        context.close(mode: mode, promise: promise)
    }

    // MARK: Responses

    /// The response to the first request that has none, in one piece.
    func respond(_ response: WholeResponse, isToHead: Bool, date: String?) {
        guard let context, !isOutputOver else { return }
        let last = lastRequest.flatMap { $0.number == responsesEnded + 1 ? $0 : nil }
        let closes = last != nil || (isStopping && requestsBegun == responsesEnded + 1)
        let text = response.http1(
            last?.version ?? .http1_1, isLast: closes, isToHead: isToHead, date: date, allocator: context.channel.allocator)
        // Sending may call back.
        responseEnded(context)
        isOutputOver = last != nil
        if closes {
            isInputOver = true
            refusal = nil
        }
        if last == nil {
            bytes?.send(text)
            refuseIfDue()
        } else {
            close(context) { bytes?.send(text) }
        }
    }

    /// Closes the connection after what is sent last.
    private func close(_ context: ChannelHandlerContext, after send: () -> Void) {
        Cork.hold(context.channel) {
            send()
            context.close(promise: nil)
        }
    }

    private func responseEnded(_ context: ChannelHandlerContext) {
        lastActive = context.eventLoop.now
        isResponding = false
        responsesEnded += 1
        if isReadingRequest, responsesEnded == requestsBegun {
            places?.endLoan()
        } else {
            places?.answered()
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isOutputOver else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        let isLast = lastRequest?.number == responsesEnded + 1
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.code >= 200:
            isResponding = true
            if isLast || (isStopping && requestsBegun == responsesEnded + 1) {
                head.headers.replaceOrAdd(name: "Connection", value: "close")
            }
            // A chunked body would mean nothing to an HTTP/1.0 client.
            if isLast, let lastRequest { head.version = lastRequest.version }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .head, .body:
            context.write(data, promise: promise)
        case .end:
            responseEnded(context)
            if isLast {
                isOutputOver = true
                close(context) { context.writeAndFlush(data, promise: promise) }
            } else {
                context.write(data, promise: promise)
                refuseIfDue()
            }
        }
    }
}
