internal import CountersignTLS
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1

/// HTTP/1 over an accepted connection.
struct HTTP1Connection: Sendable {
    /// The connection once the application serves it; fails when it ends before.
    typealias Value = EventLoopFuture<HTTP1Channel.Value>

    private let configuration: MutualTLSServerConfiguration
    private let requests: HTTP1Channel
    private let immediate: (any ImmediateResponder)?

    init(
        responder: @escaping HTTPChannelHandler.Responder, immediate: (any ImmediateResponder)?,
        configuration: MutualTLSServerConfiguration
    ) {
        self.configuration = configuration
        self.immediate = immediate
        requests = HTTP1Channel(responder: responder)
    }

    static let maxHeaderFields = 100

    /// To be called on the channel's event loop, for a connection that somebody serves: an asynchronous channel that is dropped
    /// unserved ends the process.
    func setup(channel: any Channel, limits connection: ConnectionLimits, logger: Logger) throws -> Value {
        let pipeline = channel.pipeline.syncOperations
        let limits = HTTP1Limits(configuration, places: connection.makePlaces(), at: channel.eventLoop.now)
        try pipeline.addHandler(HTTP1Bytes(limits))
        var bounds = NIOHTTPDecoderLimitConfiguration()
        bounds.maxHeaderFieldSize = configuration.maxHeaderBytes
        bounds.maxHeaderListSize = configuration.maxHeaderBytes
        bounds.maxHeaderFieldCount = Self.maxHeaderFields
        try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: bounds)))
        try pipeline.addHandler(limits)
        guard let immediate else {
            return channel.eventLoop.makeSucceededFuture(try handOver(channel, behind: limits, logger: logger))
        }
        let application = channel.eventLoop.makePromise(of: HTTP1Channel.Value.self)
        try pipeline.addHandler(
            ImmediateRequests(immediate, from: connection.peer, limits: limits, configuration, application: application) {
                channel in
                try handOver(channel, behind: limits, logger: logger)
            })
        return application.futureResult
    }

    /// Adds what the application needs to the connection.
    private func handOver(_ channel: any Channel, behind limits: HTTP1Limits, logger: Logger) throws -> HTTP1Channel.Value {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTPResponseEncoder(), position: .before(limits))
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        try pipeline.addHandler(HTTPConnectionStateHandler(idleTimeout: configuration.idleTimeout, logger: logger))
        // When the last request has been answered, `handleHTTP` finishes its output and waits for the end of the connection.
        return try HTTP1Channel.Value(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }

    /// Serves the requests until the connection ends.
    func handle(value: Value, channel: any Channel, logger: Logger) async {
        await withTaskCancellationHandler {
            // It ends before where the application has nothing to serve.
            guard let connection = try? await value.get() else { return }
            await ServedConnection.$current.withValue(ServedConnection(channel)) {
                await requests.handle(value: connection, logger: logger)
            }
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}
