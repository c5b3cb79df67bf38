internal import NIOCore

/// Cuts connections that do not end when they should.
///
/// The HTTP handlers ask politely: they finish the request in hand, and over HTTP/2 wait for the client to acknowledge the
/// farewell. A client that never answers would keep its connection, and hold up the server's stop, for ever. This handler
/// stands before them and closes without asking when the time for politeness is over.
final class ConnectionLimits: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny
    typealias InboundOut = NIOAny

    private let maxAge: TimeAmount
    private let idleTimeout: TimeAmount
    private let drainTimeout: TimeAmount

    private var context: ChannelHandlerContext?
    private var ageTimer: Scheduled<Void>?
    private var drainTimer: Scheduled<Void>?
    private var idleTimer: Scheduled<Void>?
    private var openStreams = 0

    init(_ configuration: MutualTLSServerConfiguration) {
        maxAge = TimeAmount(configuration.maxConnectionAge)
        idleTimeout = TimeAmount(configuration.idleTimeout)
        drainTimeout = TimeAmount(configuration.drainTimeout)
    }

    /// The client has been accepted; until then the handshake has its own end.
    ///
    /// - Parameter countingStreams: Whether the connection is idle while it has no HTTP/2 streams. HTTP/1 connections are
    ///   closed when idle without any farewell, so there is nothing to cut.
    func begin(countingStreams: Bool) {
        ageTimer = close(in: maxAge + drainTimeout)
        if countingStreams { scheduleIdleTimer() }
    }

    func streamOpened() {
        openStreams += 1
        idleTimer?.cancel()
        idleTimer = nil
    }

    func streamClosed() {
        openStreams -= 1
        if openStreams == 0 { scheduleIdleTimer() }
    }

    private func scheduleIdleTimer() {
        idleTimer?.cancel()
        idleTimer = close(in: idleTimeout + drainTimeout)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        for timer in [ageTimer, drainTimer, idleTimer] { timer?.cancel() }
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, drainTimer == nil { drainTimer = close(in: drainTimeout) }
        context.fireUserInboundEventTriggered(event)
    }

    private func close(in delay: TimeAmount) -> Scheduled<Void>? {
        context?.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.context?.close(promise: nil) }
    }
}
