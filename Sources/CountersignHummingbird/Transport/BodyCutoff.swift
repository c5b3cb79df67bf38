internal import HTTPTypes
package import NIOCore
package import NIOHTTPTypes

/// Reads no bodies, for plain listeners that have no use for one: whoever sends one slowly is never idle, and would keep one of few
/// places for as long as it likes.
///
/// A request with a body is answered as if it had none, and with the answer the connection ends.
package final class BodyCutoff: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = HTTPRequestPart
    package typealias InboundOut = HTTPRequestPart
    package typealias OutboundIn = HTTPResponsePart
    package typealias OutboundOut = HTTPResponsePart

    private var unanswered = 0
    /// The last request has come.
    private var isOver = false

    package init() {}

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        switch unwrapInboundIn(data) {
        case .head(let request):
            unanswered += 1
            isOver = request.headerFields.announceBody
            context.fireChannelRead(data)
            if isOver { context.fireChannelRead(wrapInboundOut(.end(nil))) }
        case .body:
            // Not announced: there is none in HTTP/1.1.
            isOver = true
            context.close(promise: nil)
        case .end:
            context.fireChannelRead(data)
        }
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var response) where isOver && unanswered == 1:
            response.headerFields[.connection] = "close"
            context.write(wrapOutboundOut(.head(response)), promise: promise)
        case .head, .body:
            context.write(data, promise: promise)
        case .end:
            unanswered -= 1
            guard isOver, unanswered == 0 else { return context.write(data, promise: promise) }
            context.writeAndFlush(data, promise: promise)
            context.close(promise: nil)
        }
    }
}

extension HTTPFields {
    /// Whether a body follows (RFC 9112, section 6.3).
    fileprivate var announceBody: Bool {
        contains(.transferEncoding) || self[values: .contentLength].contains { $0.contains { $0 != "0" } }
    }
}
