internal import CountersignTLS
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2

/// One connection: TLS with the client's certificate judged, then HTTP/1.1 or HTTP/2, within the bounds of the configuration.
struct MutualTLSChannel: ServerChildChannel {
    struct Value: ServerChildChannelValue {
        let protocolChosen: EventLoopFuture<NIONegotiatedHTTPVersion<HTTP1Connection.Value, HTTP2Connection.Value>>
        let channel: any Channel
        /// Kept by whoever serves the connection. An asynchronous channel is only made for one that somebody serves: one that is
        /// dropped unserved ends the process.
        let isServed: EventLoopPromise<Void>
    }

    private let tls: ReloadableTLS
    private let configuration: MutualTLSServerConfiguration
    private let http1: HTTP1Connection
    private let http2: HTTP2Connection
    private let requests: RequestsInProgressByLoop
    private let addresses: ConnectionsByAddress?

    init(
        tls: ReloadableTLS,
        configuration: MutualTLSServerConfiguration,
        immediate: (any ImmediateResponder)?,
        responder: @escaping HTTPChannelHandler.Responder
    ) {
        self.tls = tls
        self.configuration = configuration
        http1 = HTTP1Connection(responder: responder, immediate: immediate, configuration: configuration)
        http2 = HTTP2Connection(responder: responder, configuration: configuration)
        requests = RequestsInProgressByLoop(configuration)
        addresses = configuration.maxConnectionsPerAddress.map { ConnectionsByAddress(limit: max(1, $0)) }
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let isServed = channel.eventLoop.makePromise(of: Void.self)
        channel.closeFuture.whenComplete { _ in isServed.fail(ChannelError.ioOnClosedChannel) }
        guard isAdmitted(channel) else {
            channel.close(promise: nil)
            // A failure here would be the listening socket's.
            let nothing: EventLoopFuture<NIONegotiatedHTTPVersion<HTTP1Connection.Value, HTTP2Connection.Value>> =
                channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
            return channel.eventLoop.makeSucceededFuture(Value(protocolChosen: nothing, channel: channel, isServed: isServed))
        }
        let limits = NIOLoopBound(ConnectionLimits(configuration), eventLoop: channel.eventLoop)
        do {
            try MutualTLS.configureServer(
                channel,
                tls: tls,
                configuration: MutualTLS.Configuration(
                    handshakeTimeout: TimeAmount(configuration.handshakeTimeout),
                    clock: configuration.clock,
                    onRefusal: configuration.onRefusal
                )
            )
            try channel.pipeline.syncOperations.addHandler(limits.value)
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        return channel.configureHTTP2AsyncSecureUpgrade { channel in
            isServed.futureResult.flatMap { setupHTTP1(channel: channel, limits: limits.value, logger: logger) }
        } http2ConnectionInitializer: { channel in
            setupHTTP2(channel: channel, limits: limits.value, logger: logger)
        }.map { protocolChosen in
            Value(protocolChosen: protocolChosen, channel: channel, isServed: isServed)
        }
    }

    /// Whether the client's address may have one more connection. Decided before it has cost anything but the socket.
    private func isAdmitted(_ channel: any Channel) -> Bool {
        guard let addresses, let address = channel.remoteAddress.flatMap(ConnectionsByAddress.key) else { return true }
        switch addresses.opened(address, at: .now()) {
        case .admitted:
            channel.closeFuture.whenComplete { _ in addresses.closed(address) }
            return true
        case .refused(let count):
            if let count {
                configuration.onRefusal(.tooManyConnections(from: address, limit: addresses.limit, refused: count))
            }
            return false
        }
    }

    private func setupHTTP1(
        channel: any Channel, limits: ConnectionLimits, logger: Logger
    ) -> EventLoopFuture<HTTP1Connection.Value> {
        guard channel.isActive else { return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
        limits.begin(among: requests.on(channel.eventLoop), countingStreams: false)
        return channel.eventLoop.makeCompletedFuture { try http1.setup(channel: channel, limits: limits, logger: logger) }
    }

    private func setupHTTP2(
        channel: any Channel, limits: ConnectionLimits, logger: Logger
    ) -> EventLoopFuture<HTTP2Connection.Value> {
        channel.eventLoop.makeCompletedFuture {
            let value = try http2.setup(channel: channel, logger: logger)
            limits.begin(among: requests.on(channel.eventLoop), countingStreams: true)
            return value
        }
    }

    /// Serves the connection's requests on its event loop: no request changes threads on its way in or out.
    func handle(value: Value, logger: Logger) async {
        value.isServed.succeed()
        let executor = EventLoopTaskExecutor(value.channel.eventLoop)
        await withTaskExecutorPreference(executor) {
            do {
                let connection = try await value.protocolChosen.get()
                switch connection {
                case .http1_1(let connection):
                    await http1.handle(value: connection, channel: value.channel, logger: logger)
                case .http2(let connection):
                    await ServedConnection.$current.withValue(ServedConnection(value.channel)) {
                        await http2.handle(value: connection, logger: logger)
                    }
                }
            } catch {
                // The handshake did not come to its end; its refusal has been reported.
                logger.trace("connection not accepted", metadata: ["error": "\(error)"])
            }
        }
        // Whoever stops serving before the client has left leaves nobody to answer it.
        value.channel.close(promise: nil)
    }
}
