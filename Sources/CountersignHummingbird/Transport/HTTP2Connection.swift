internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP2
internal import NIOHTTPTypesHTTP2

/// HTTP/2 over an accepted connection.
///
/// Hummingbird's own channel leaves the bound on headers where NIO has it, and there a request that exceeds it takes the
/// connection, and all other requests on it, with it. Here a header is read well beyond the bound, so that it can be answered.
struct HTTP2Connection: Sendable {
    typealias Value = NIOHTTP2Handler.AsyncStreamMultiplexer<any Channel>

    private let configuration: MutualTLSServerConfiguration
    /// Serves each stream, which carries the same parts as an HTTP/1 connection with one request.
    private let stream: HTTP1Channel

    init(responder: @escaping HTTPChannelHandler.Responder, configuration: MutualTLSServerConfiguration) {
        self.configuration = configuration
        stream = HTTP1Channel(responder: responder)
    }

    private static let maxConcurrentStreams = 100
    /// What is read beyond the bound on headers only to be answered.
    private static let readableExcess = 48 * 1024

    /// To be called on the channel's event loop.
    func setup(channel: any Channel, logger: Logger) throws -> Value {
        let pipeline = channel.pipeline.syncOperations
        let management = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: channel.eventLoop,
            configuration: NIOHTTP2ServerConnectionManagementHandler.Configuration(
                maxIdleTime: TimeAmount(configuration.idleTimeout),
                maxAge: TimeAmount(configuration.maxConnectionAge),
                maxGraceTime: TimeAmount(configuration.drainTimeout),
                keepalive: nil
            )
        )
        var http2 = NIOHTTP2Handler.Configuration()
        http2.connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: Self.maxConcurrentStreams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: configuration.maxHeaderBytes + Self.readableExcess),
        ]
        // Frames of refused requests that were on their way are ignored for as long as the stream is remembered. A client that
        // keeps to the bound on streams has no more of them.
        http2.connection.maximumRecentlyResetStreams = Self.maxConcurrentStreams
        let end = HTTP2ConnectionEnd()
        try pipeline.addHandler(HTTP2SettingsInForce())
        let multiplexer = try pipeline.configureAsyncHTTP2Pipeline(
            mode: .server,
            streamDelegate: management.http2StreamDelegate,
            frameDelegate: end,
            configuration: http2
        ) { channel in
            setupStream(channel, logger: logger)
        }
        try pipeline.addHandler(management)
        try pipeline.addHandler(end, position: .before(management))
        return multiplexer
    }

    /// A stream that nobody reads from yet: see ``serve(_:logger:)``.
    private func setupStream(_ channel: any Channel, logger: Logger) -> EventLoopFuture<any Channel> {
        channel.eventLoop.makeCompletedFuture {
            try channel.syncOptions?.setOption(.autoRead, value: false)
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(HTTP2StreamLimits(configuration))
            try pipeline.addHandler(HTTP2FramePayloadToHTTPServerCodec())
            try pipeline.addHandler(HTTPConnectionStateHandler(logger: logger))
            return channel
        }
    }

    /// Serves the requests, side by side, until the connection ends.
    func handle(value: Value, logger: Logger) async {
        do {
            try await withThrowingDiscardingTaskGroup { group in
                for try await channel in value.inbound {
                    group.addTask { await serve(channel, logger: logger) }
                }
            }
        } catch {
            logger.debug("HTTP/2 connection ended", metadata: ["error": "\(error)"])
        }
    }

    /// Serves one request.
    ///
    /// The asynchronous channel is made here and not with the stream: one that is dropped unserved ends the process, and a
    /// stream that comes when nobody takes streams any more is dropped. On a channel that has closed it cannot be made.
    private func serve(_ channel: any Channel, logger: Logger) async {
        do {
            let request = try await channel.eventLoop.submit {
                guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
                let request = try HTTP1Channel.Value(wrappingChannelSynchronously: channel)
                // From here on it reads by itself, beginning with what has come already.
                channel.setOption(.autoRead, value: true).whenComplete { _ in channel.read() }
                return request
            }.get()
            await stream.handle(value: request, logger: logger)
        } catch {
            logger.trace("HTTP/2 stream not served", metadata: ["error": "\(error)"])
        }
    }
}
