internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// Bounds the header of one HTTP/2 request and the time for its body, and tells the connection that it is not idle.
final class HTTP2StreamLimits: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let bodyTimeout: TimeAmount
    private let maxHeaderBytes: Int
    private var timer: Scheduled<Void>?
    private var connection: ConnectionLimits?
    private var isHeaderRead = false
    private var isRefused = false

    init(_ configuration: MutualTLSServerConfiguration) {
        bodyTimeout = TimeAmount(configuration.bodyTimeout)
        maxHeaderBytes = configuration.maxHeaderBytes
    }

    func handlerAdded(context: ChannelHandlerContext) {
        connection = try? context.channel.parent?.pipeline.syncOperations.handler(type: ConnectionLimits.self)
        connection?.streamOpened()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: bodyTimeout) { context.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        connection?.streamClosed()
        connection = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        let payload = unwrapInboundIn(data)
        if payload.endsStream {
            timer?.cancel()
            timer = nil
        }
        if !isHeaderRead, case .headers(let header) = payload {
            isHeaderRead = true
            guard isWithinBounds(header.headers) else { return refuse(header, context: context) }
        }
        context.fireChannelRead(data)
    }

    /// Counted as in HTTP/1: names and values, the target among them.
    private func isWithinBounds(_ headers: HPACKHeaders) -> Bool {
        headers.count <= MutualTLSChannel.maxHeaderFields
            && headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count } <= maxHeaderBytes
    }

    /// Answers this request; the connection and its other requests go on.
    private func refuse(_ request: HTTP2Frame.FramePayload.Headers, context: ChannelHandlerContext) {
        isRefused = true
        let answer = TransportRefusal.headerTooLarge
        let withoutBody = request.headers.first(name: ":method") == "HEAD"
        let sent = context.eventLoop.makePromise(of: Void.self)
        // The rest of the request is not wanted (RFC 9113 8.1). Said too early, it would take the answer's body with it.
        if !request.endStream {
            sent.futureResult.assumeIsolated().whenSuccess {
                context.writeAndFlush(self.wrapOutboundOut(.rstStream(.noError)), promise: nil)
            }
        }
        let header = HTTP2Frame.FramePayload.Headers(headers: answer.http2Header, endStream: withoutBody)
        context.write(wrapOutboundOut(.headers(header)), promise: withoutBody ? sent : nil)
        if !withoutBody {
            let body = HTTP2Frame.FramePayload.Data(data: .byteBuffer(ByteBuffer(string: answer.body)), endStream: true)
            context.write(wrapOutboundOut(.data(body)), promise: sent)
        }
        context.flush()
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
