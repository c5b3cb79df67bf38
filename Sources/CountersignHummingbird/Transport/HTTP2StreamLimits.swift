internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// Bounds the header of one HTTP/2 request, the time for its body and the time that its answer waits for the client, answers it
/// when the server has enough to do, and tells the connection that it is not idle.
final class HTTP2StreamLimits: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload
    typealias OutboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let bodyTimeout: TimeAmount
    private let maxHeaderBytes: Int
    private let takingTimeout: TimeAmount
    private var timer: Scheduled<Void>?
    private var takingTimer: Scheduled<Void>?
    private var connection: ConnectionLimits?
    private var isHeaderRead = false
    private var isRefused = false
    private var isRead = false
    private var isResponding = false
    private var isAnswered = false
    private var isHead = false
    private var places: RequestPlaces?

    init(_ configuration: MutualTLSServerConfiguration) {
        bodyTimeout = TimeAmount(configuration.bodyTimeout)
        takingTimeout = TimeAmount(configuration.idleTimeout)
        maxHeaderBytes = configuration.maxHeaderBytes
    }

    func handlerAdded(context: ChannelHandlerContext) {
        connection = try? context.channel.parent?.pipeline.syncOperations.handler(type: ConnectionLimits.self)
        connection?.streamOpened()
        places = connection?.makePlaces()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: bodyTimeout) { context.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        takingTimer?.cancel()
        places?.giveBackAll()
        connection?.streamClosed()
        connection = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        let payload = unwrapInboundIn(data)
        if payload.endsStream {
            timer?.cancel()
            timer = nil
            isRead = true
        }
        if !isHeaderRead, case .headers(let header) = payload {
            isHeaderRead = true
            isHead = header.headers.first(name: ":method") == "HEAD"
            guard isWithinBounds(header.headers) else { return refuse(.headerTooLarge, context: context) }
            if places?.begin() == false { return refuse(.overloaded, context: context) }
        }
        if payload.endsStream, !isAnswered, places?.complete(isResponding: isResponding) == false {
            return refuse(.overloaded, context: context)
        }
        // It waits for a client that does not read what came before, and not for the server.
        if payload.endsStream, !context.channel.isWritable { places?.giveBackAll() }
        watchTaking(context)
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if isHeaderRead, !isRead, !isRefused, !isAnswered {
            places?.lend(on: context.eventLoop) { self.places?.endLoan() }
        }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable { places?.giveBackAll() }
        watchTaking(context)
        context.fireChannelWritabilityChanged()
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        watchTaking(context)
    }

    /// Sets a timer while the stream waits for its client alone: how much it is sent is the client's to say, and a client that
    /// gives no room keeps a stream for as long as the connection lives, which the connection's own bounds cannot see. Most
    /// answers have left by now, so that they need none.
    private func watchTaking(_ context: ChannelHandlerContext) {
        let isWaiting = !context.channel.isWritable || (isRead && (isAnswered || isRefused))
        guard isWaiting, context.channel.isActive else {
            takingTimer?.cancel()
            takingTimer = nil
            return
        }
        guard takingTimer == nil else { return }
        takingTimer = context.eventLoop.assumeIsolated().scheduleTask(in: takingTimeout) { context.close(promise: nil) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isRefused else {
            // The application was told of the request before there turned out to be no place for it.
            promise?.fail(ChannelError.outputClosed)
            return
        }
        isResponding = true
        if unwrapOutboundIn(data).endsStream {
            isAnswered = true
            if isRead { places?.answered() } else { places?.endLoan() }
        }
        context.write(data, promise: promise)
    }

    /// Counted as in HTTP/1: names and values, the target among them.
    private func isWithinBounds(_ headers: HPACKHeaders) -> Bool {
        headers.count <= HTTP1Connection.maxHeaderFields
            && headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count } <= maxHeaderBytes
    }

    /// Answers this request; the connection and its other requests go on.
    private func refuse(_ answer: TransportRefusal, context: ChannelHandlerContext) {
        isRefused = true
        let sent = context.eventLoop.makePromise(of: Void.self)
        // The rest of the request is not wanted (RFC 9113 8.1). Said too early, it would take the answer's body with it.
        if !isRead {
            sent.futureResult.assumeIsolated().whenSuccess {
                context.writeAndFlush(self.wrapOutboundOut(.rstStream(.noError)), promise: nil)
            }
        }
        let header = HTTP2Frame.FramePayload.Headers(headers: answer.http2Header, endStream: isHead)
        context.write(wrapOutboundOut(.headers(header)), promise: isHead ? sent : nil)
        if !isHead {
            let body = HTTP2Frame.FramePayload.Data(data: .byteBuffer(answer.http2Body), endStream: true)
            context.write(wrapOutboundOut(.data(body)), promise: sent)
        }
        flush(context: context)
    }
}

extension HTTP2Frame.FramePayload {
    fileprivate var endsStream: Bool {
        switch self {
        case .headers(let headers): headers.endStream
        case .data(let data): data.endStream
        default: false
        }
    }
}
