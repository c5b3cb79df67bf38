internal import NIOCore

/// Stands between TLS and the HTTP/1 parser: tells ``HTTP1Limits`` of bytes before the parser has made anything of them, and
/// sends its responses that are bytes already.
final class HTTP1Bytes: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let limits: HTTP1Limits
    private var context: ChannelHandlerContext?

    init(_ limits: HTTP1Limits) {
        self.limits = limits
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        limits.bytes = self
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        limits.bytes = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // An empty line after a request is not the beginning of another (RFC 9112 2.2).
        let bytes = unwrapInboundIn(data).readableBytesView
        let isEmptyLine = bytes.count <= 2 && bytes.allSatisfy { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }
        if !isEmptyLine { limits.bytesArrived() }
        context.fireChannelRead(data)
    }

    func send(_ bytes: ByteBuffer) {
        context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }
}
