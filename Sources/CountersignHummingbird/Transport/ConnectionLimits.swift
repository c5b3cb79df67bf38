internal import CountersignCrypto
internal import CountersignTLS
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
    private var writeTimer: Scheduled<Void>?
    private var openStreams = 0

    /// Who is at the other end, once it has been accepted.
    private(set) var peer: Peer?
    private let callerKey: @Sendable (Peer) -> String
    private var requests: RequestsInProgress?
    private var caller: RequestsInProgress.Caller?

    init(_ configuration: MutualTLSServerConfiguration) {
        maxAge = TimeAmount(configuration.maxConnectionAge)
        idleTimeout = TimeAmount(configuration.idleTimeout)
        drainTimeout = TimeAmount(configuration.drainTimeout)
        callerKey = configuration.callerKey
    }

    /// The client has been accepted; until then the handshake has its own end.
    ///
    /// - Parameters:
    ///   - requests: Among which those of this connection count.
    ///   - countingStreams: Whether the connection is idle while it has no HTTP/2 streams. HTTP/1 connections are closed when
    ///     idle without any farewell, so there is nothing to cut.
    func begin(among requests: RequestsInProgress, countingStreams: Bool) {
        // Without a client there is no connection any more.
        peer = context?.channel.mutualTLSPeerInPipeline()
        if let peer {
            self.requests = requests
            caller = requests.joined(callerKey(peer))
        }
        ageTimer = cut(in: maxAge + drainTimeout)
        if countingStreams { scheduleIdleTimer() }
    }

    /// The places of an HTTP/1 connection's requests, or of an HTTP/2 stream's; `nil` when the client has left.
    func makePlaces() -> RequestPlaces? {
        guard let requests, let caller else { return nil }
        return RequestPlaces(requests, caller)
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
        idleTimer = cut(in: idleTimeout + drainTimeout)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        for timer in [ageTimer, drainTimer, idleTimer, writeTimer] { timer?.cancel() }
        if let requests, let caller { requests.left(caller) }
        requests = nil
        caller = nil
        peer = nil
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, drainTimer == nil { drainTimer = cut(in: drainTimeout) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writeTimer?.cancel()
        // It takes a while to fill the buffers, and one packet to make room again: whoever takes nothing for so long is gone.
        writeTimer = context.channel.isWritable ? nil : cut(in: idleTimeout)
        context.fireChannelWritabilityChanged()
    }

    private func cut(in delay: TimeAmount) -> Scheduled<Void>? {
        context?.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.context?.channel.cut() }
    }
}
