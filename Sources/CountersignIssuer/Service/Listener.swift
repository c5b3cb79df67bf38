internal import CountersignHummingbird
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle

/// One listening socket with what answers on it.
struct Listener<Responder: HTTPResponder>: Service where Responder.Context == IssuerRequestContext {
    let address: ListenAddress
    let responder: Responder
    let server: HTTPServerBuilder
    /// More connections than this wait in the queue of the operating system.
    let maximumConnections: Int
    let logger: Logger
    /// Told when ``run()`` ends, also when it never listened.
    var onEnd: @Sendable () -> Void = {}
    /// Told the address that the system gave us, on an event loop.
    let onListening: @Sendable (ListenAddress) async -> Void

    /// Serves until the service group shuts down, finishing the requests in hand.
    ///
    /// - Throws: ``IssuerStartError`` with code `address`, naming the address, when it cannot be listened on.
    func run() async throws {
        defer { onEnd() }
        var quiet = logger
        // The web framework tells at `info` what we tell ourselves, in our words.
        quiet.logLevel = max(quiet.logLevel, .warning)
        do {
            try await run(on: try await bindAddress(), logger: quiet)
        } catch {
            guard let failure = ListenFailure(error, on: "\(address)") else { throw error }
            throw IssuerStartError(.address, failure.message, hint: failure.hint)
        }
    }

    /// The address to listen on, its name looked up where blocking is allowed.
    private func bindAddress() async throws -> BindAddress {
        let address = address
        let found = try await NIOThreadPool.singleton.runIfActive {
            try SocketAddress.makeAddressResolvingHost(address.host, port: address.port)
        }
        return .hostname(found.ipAddress ?? address.host, port: address.port)
    }

    private func run(on address: BindAddress, logger: Logger) async throws {
        let application = Application(
            responder: responder,
            server: server,
            configuration: ApplicationConfiguration(
                address: address,
                backlog: 1024,
                availableConnectionsDelegate: .maximum(maximumConnections, logger: logger)
            ),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? self.address.port
                await onListening(ListenAddress(host: self.address.host, port: port))
            },
            logger: logger
        )
        // The framework takes each connection in a task. On an event loop that wakes no other thread.
        let executor = EventLoopTaskExecutor(MultiThreadedEventLoopGroup.singleton.any())
        try await withTaskExecutorPreference(executor) { try await application.run() }
    }
}
