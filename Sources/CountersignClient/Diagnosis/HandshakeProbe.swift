package import CountersignCrypto
package import CountersignTLS
internal import FoundationEssentials
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NIOTLS
internal import Synchronization

/// One handshake, looked at from near by.
///
/// The connection is made as ``MutualTLSTransport`` makes it, with the same certificate and the same trust, but the server's
/// chain is kept and judged by our own code, which can say why it is not good. The host name is judged by the TLS library.
package enum HandshakeProbe {
    /// After the handshake the server may still refuse our certificate (TLS 1.3). It is given this long to say so before we take
    /// our leave, which it answers only when it has judged us: a verdict that comes later is heard then.
    private static let pause = Duration.milliseconds(500)

    package static func run(
        _ address: IssuerAddress, material: TLSMaterial, at now: Timestamp, timeout: Duration = .seconds(5)
    ) async -> HandshakeReport {
        guard let url = URL(string: address.description), let host = url.host() else {
            return HandshakeReport(target: address.description)
        }
        let port = url.port ?? 443
        // The brackets of an IPv6 address belong to the URL, not to the address.
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        let log = Log(HandshakeReport(target: "\(host):\(port)"))
        let isAddress = (try? SocketAddress(ipAddress: bare, port: port)) != nil
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.nanoseconds(Int64(timeout / .nanoseconds(1))))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let tls = try NIOSSLClientHandler(
                            context: material.context, serverHostname: isAddress ? nil : bare,
                            customVerificationCallback: { chain, verdict in
                                verdict.succeed(log.judge(chain, material, now) ? .certificateVerified : .failed)
                            }
                        )
                        try channel.pipeline.syncOperations.addHandlers([tls, Observer(log)])
                    }
                }
                .connect(host: bare, port: port).get()
            log.note { $0.connectedTo = channel.remoteAddress.map(Self.text) }
            // Whatever comes first: the end of the connection, or the time a completed handshake is given.
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await channel.closeFuture.get() }
                group.addTask {
                    let deadline = ContinuousClock.now + timeout
                    while ContinuousClock.now < deadline, log.report.version == nil {
                        guard (try? await Task.sleep(for: .milliseconds(20))) != nil else { return }
                    }
                    try? await Task.sleep(for: pause)
                    // Until the server has taken its leave, or for as long as the TLS library waits for that.
                    try? await channel.close().get()
                }
                await group.next()
                group.cancelAll()
            }
        } catch {
            let failure = TransportFailure(url: address.description, certificate: material.certificate, now: now).reading(error)
            log.note { $0.failure = $0.failure ?? failure.message }
        }
        return log.report
    }

    private static func text(_ address: SocketAddress) -> String {
        "\(address.ipAddress ?? "?"):\(address.port ?? 0)"
    }

    private final class Log: Sendable {
        private let state: Mutex<HandshakeReport>

        init(_ report: HandshakeReport) {
            state = Mutex(report)
        }

        var report: HandshakeReport { state.withLock { $0 } }

        func note(_ change: (inout HandshakeReport) -> Void) {
            state.withLock { change(&$0) }
        }

        func judge(_ sent: [NIOSSLCertificate], _ material: TLSMaterial, _ now: Timestamp) -> Bool {
            let chain = sent.compactMap { try? Certificate(der: $0.toDERBytes()) }
            guard let leaf = chain.first else { return false }
            // Lists are not enforced for servers; see `TLSFiles.crl`.
            let anchors = material.validator.anchors
            let validator = try? PathValidator(anchors: anchors, revocationLists: nil)
            let verdict = validator?.validate(leaf, intermediates: Array(chain.dropFirst()), purpose: .server, at: now)
            state.withLock { report in
                report.serverChain = chain
                if case .failure(let failure) = verdict { report.distrust = failure }
            }
            guard case .success = verdict else { return false }
            return true
        }
    }

    private final class Observer: ChannelDuplexHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundIn = ByteBuffer

        private let log: Log
        private var hasTakenLeave = false

        init(_ log: Log) {
            self.log = log
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .handshakeCompleted? = event as? TLSUserEvent {
                let version = try? context.channel.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self).tlsVersion
                log.note { $0.version = version.map(Self.text) ?? "TLS" }
            }
            context.fireUserInboundEventTriggered(event)
        }

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            hasTakenLeave = true
            context.close(mode: mode, promise: promise)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if !hasTakenLeave || Self.isAlert(error) { log.note { $0.failure = $0.failure ?? "\(error)" } }
            context.close(promise: nil)
        }

        /// Whether the server has said something, and did not just go, which it may do in any way when we have taken our leave.
        private static func isAlert(_ error: any Error) -> Bool {
            error is BoringSSLError || (error as? NIOSSLError).map { $0 != .uncleanShutdown } ?? false
        }

        private static func text(_ version: TLSVersion) -> String {
            switch version {
            case .tlsv13: "TLS 1.3"
            case .tlsv12: "TLS 1.2"
            default: "\(version)"
            }
        }
    }
}
