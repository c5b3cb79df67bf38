internal import CountersignTLS
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2

/// One connection: TLS with the client's certificate judged, then HTTP/1.1 or HTTP/2, within the bounds of the configuration.
struct MutualTLSChannel: ServerChildChannel {
    struct Value: ServerChildChannelValue {
        let protocolChosen: EventLoopFuture<NIONegotiatedHTTPVersion<HTTP1Channel.Value, HTTP2Connection.Value>>
        let channel: any Channel
        /// Kept by whoever serves the connection. An asynchronous channel is only made for one that somebody serves: one that is
        /// dropped unserved ends the process.
        let isServed: EventLoopPromise<Void>
    }

    private let tls: ReloadableTLS
    private let configuration: MutualTLSServerConfiguration
    private let http1: HTTP1Channel
    private let http2: HTTP2Connection

    init(
        tls: ReloadableTLS,
        configuration: MutualTLSServerConfiguration,
        responder: @escaping HTTPChannelHandler.Responder
    ) {
        self.tls = tls
        self.configuration = configuration
        http1 = HTTP1Channel(
            responder: responder,
            configuration: HTTP1Channel.Configuration(
                idleTimeout: TimeAmount(configuration.idleTimeout),
                httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
                    maxHeaderFieldSize: configuration.maxHeaderBytes,
                    maxHeaderListSize: configuration.maxHeaderBytes,
                    maxHeaderFieldCount: Self.maxHeaderFields
                )
            )
        )
        http2 = HTTP2Connection(responder: responder, configuration: configuration)
    }

    static let maxHeaderFields = 100

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
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
            try channel.pipeline.syncOperations.addHandler(ConnectionLimits(configuration))
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        let isServed = channel.eventLoop.makePromise(of: Void.self)
        channel.closeFuture.whenComplete { _ in isServed.fail(ChannelError.ioOnClosedChannel) }
        return channel.configureHTTP2AsyncSecureUpgrade { channel in
            isServed.futureResult.flatMap { setupHTTP1(channel: channel, logger: logger) }
        } http2ConnectionInitializer: { channel in
            setupHTTP2(channel: channel, logger: logger)
        }.map { protocolChosen in
            Value(protocolChosen: protocolChosen, channel: channel, isServed: isServed)
        }
    }

    private func setupHTTP1(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        guard channel.isActive else { return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
        return http1.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            try pipeline.handler(type: ConnectionLimits.self).begin(countingStreams: false)
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let limits = HTTP1Limits(configuration)
            try pipeline.addHandler(HTTP1ByteWatch(limits), position: .before(decoder))
            try pipeline.addHandler(limits, position: .after(decoder))
            return value
        }
    }

    private func setupHTTP2(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP2Connection.Value> {
        channel.eventLoop.makeCompletedFuture {
            let value = try http2.setup(channel: channel, logger: logger)
            try channel.pipeline.syncOperations.handler(type: ConnectionLimits.self).begin(countingStreams: true)
            return value
        }
    }

    /// Serves the connection's requests on its event loop: no request changes threads on its way in or out.
    func handle(value: Value, logger: Logger) async {
        value.isServed.succeed()
        let executor = EventLoopTaskExecutor(value.channel.eventLoop)
        await withTaskExecutorPreference(executor) {
            do {
                switch try await value.protocolChosen.get() {
                case .http1_1(let connection): await http1.handle(value: connection, logger: logger)
                case .http2(let connection): await http2.handle(value: connection, logger: logger)
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
