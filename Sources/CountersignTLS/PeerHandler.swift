internal import CountersignCrypto
internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// Stands right behind the TLS handler and lets nothing pass until the client has been accepted.
///
/// It holds the connection's ``Peer``. A full handshake leaves its verdict here through the verification callback. A resumed
/// session does not run that callback, so its leaf certificate is judged anew when the handshake completes. A connection
/// without an accepted peer at that point is closed, whatever the TLS library thought of it.
final class PeerHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny
    typealias InboundOut = NIOAny

    private enum State {
        case handshaking
        case accepted(Peer)
        case refused
    }

    private let verifier: ClientVerifier
    private let timeout: TimeAmount
    private let onRefusal: @Sendable (HandshakeRefusal) -> Void

    private var state = State.handshaking
    /// Judged in this handshake; a peer only once the handshake is complete.
    private var candidate: Peer?
    private var timer: Scheduled<Void>?
    private var remoteAddress: SocketAddress?

    init(verifier: ClientVerifier, timeout: TimeAmount, onRefusal: @escaping @Sendable (HandshakeRefusal) -> Void) {
        self.verifier = verifier
        self.timeout = timeout
        self.onRefusal = onRefusal
    }

    /// The client, once the handshake is complete and it was accepted.
    var peer: Peer? {
        guard case .accepted(let peer) = state else { return nil }
        return peer
    }

    // MARK: Verdict

    /// The verification callback of a full handshake: whether to go on with it.
    func verify(_ certificates: [NIOSSLCertificate]) -> Bool {
        guard case .handshaking = state else { return false }
        do throws(ClientVerifier.Refusal) {
            candidate = try verifier.judge(chain: der(of: certificates))
            return true
        } catch {
            // The TLS handler sends the alert and closes.
            report(error)
            return false
        }
    }

    private func handshakeCompleted(context: ChannelHandlerContext) -> Bool {
        guard case .handshaking = state else { return false }
        timer?.cancel()
        timer = nil
        if let candidate {
            self.candidate = nil
            state = .accepted(candidate)
            return true
        }
        do throws(ClientVerifier.Refusal) {
            let leaf = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            state = .accepted(try verifier.judge(resumed: try der(of: [leaf].compactMap(\.self)).first))
            return true
        } catch {
            report(error)
            context.close(promise: nil)
            return false
        }
    }

    private func der(of certificates: [NIOSSLCertificate]) throws(ClientVerifier.Refusal) -> [[UInt8]] {
        do {
            return try certificates.map { try $0.toDERBytes() }
        } catch {
            throw ClientVerifier.Refusal(code: .certificateMalformed, message: "a certificate the client sent cannot be read")
        }
    }

    private func report(_ refusal: ClientVerifier.Refusal) {
        report(refusal.code, refusal.message, certificate: refusal.certificate)
    }

    /// Tells of the first reason only; what follows it is its consequence.
    private func report(_ code: HandshakeRefusal.Code, _ message: String, certificate: Certificate? = nil) {
        guard case .handshaking = state else { return }
        state = .refused
        candidate = nil
        timer?.cancel()
        timer = nil
        onRefusal(
            HandshakeRefusal(
                code: code, message: message, certificate: certificate, remoteAddress: remoteAddress?.description,
                remoteIP: remoteAddress?.ipAddress))
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context: context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context: context)
        context.fireChannelActive()
    }

    private func begin(context: ChannelHandlerContext) {
        guard timer == nil, case .handshaking = state else { return }
        remoteAddress = context.channel.remoteAddress
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            self.report(.timeout, "the handshake was not complete after \(self.timeout.nanoseconds / 1_000_000) ms")
            context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .accepted = state else { return }
        context.fireChannelRead(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted:
            guard handshakeCompleted(context: context) else { return }
        case is ChannelShouldQuiesceEvent:
            // Nobody behind this handler would close a connection that is still shaking hands.
            if case .handshaking = state {
                report(.stopping, "the server is stopping")
                context.close(promise: nil)
            }
        default:
            break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard case .accepted = state else {
            let (code, message) = HandshakeRefusal.reason(for: error)
            report(code, message)
            return
        }
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        report(.aborted, "the client closed the connection during the handshake")
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
    }
}
