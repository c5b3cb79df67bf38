import CountersignHummingbird
import CountersignIssuer
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// What a route of the agent knows of its request.
struct AgentContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// One listener of the agent, bounded so that nobody who connects can use up its open files.
struct AgentListener: Service {
    struct Limits: Sendable {
        /// A connection on which no request comes for this long is closed.
        var idleTimeout = Duration.seconds(30)
        /// More wait in the queue of the operating system.
        var maximumConnections = 256
    }

    let address: BindAddress
    /// The address in words.
    let name: String
    let responder: RouterResponder<AgentContext>
    var limits = Limits()
    /// Whether the one at the other end may stay, asked as soon as the connection is there. On its event loop.
    var admits: (@Sendable (any Channel) -> EventLoopFuture<Bool>)?
    let logger: Logger
    let onListening: @Sendable (any Channel) async -> Void

    /// Serves until the service group shuts down, finishing the requests in hand.
    ///
    /// - Throws: `CommandFailure`, naming the address, when it cannot be listened on.
    func run() async throws {
        var quiet = logger
        quiet.logLevel = max(quiet.logLevel, .warning)
        let (limits, admits) = (limits, admits)
        let application = Application(
            responder: responder,
            server: HTTPServerBuilder { responder in
                AgentChannel(
                    http1: HTTP1Channel(
                        responder: responder,
                        configuration: .init(
                            additionalChannelHandlers: [BodyCutoff()], idleTimeout: TimeAmount(limits.idleTimeout))),
                    admits: admits
                )
            },
            configuration: ApplicationConfiguration(
                address: address, availableConnectionsDelegate: .maximum(limits.maximumConnections, logger: quiet)
            ),
            onServerRunning: onListening,
            logger: quiet
        )
        do {
            try await application.run()
        } catch {
            guard let failure = ListenFailure(error, on: name) else { throw error }
            throw CommandFailure.software(failure.message, hint: failure.hint)
        }
    }
}

/// HTTP/1.1 with those who are admitted.
private struct AgentChannel: ServerChildChannel {
    let http1: HTTP1Channel
    let admits: (@Sendable (any Channel) -> EventLoopFuture<Bool>)?

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        let connection = http1.setup(channel: channel, logger: logger)
        guard let admits else { return connection }
        return connection.flatMap { value in
            admits(channel).map { isAdmitted in
                // Not as a failure of the setup, which would count as one of the listener.
                if !isAdmitted { channel.close(promise: nil) }
                return value
            }
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await http1.handle(value: value, logger: logger)
    }
}
