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
        let limits = HTTP1Limits(configuration, places: connection.makePlaces())
        try pipeline.addHandler(HTTP1Bytes(limits))
        var bounds = NIOHTTPDecoderLimitConfiguration()
        bounds.maxHeaderFieldSize = configuration.maxHeaderBytes
        bounds.maxHeaderListSize = configuration.maxHeaderBytes
        bounds.maxHeaderFieldCount = Self.maxHeaderFields
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
            withEncoderConfiguration: .init(), withDecoderLimitConfiguration: bounds
        )
        try pipeline.addHandler(limits)
        let idleTimeout = configuration.idleTimeout
        guard let immediate else {
            return channel.eventLoop.makeSucceededFuture(
                try Self.application(on: channel, idleTimeout: idleTimeout, logger: logger))
        }
        let application = channel.eventLoop.makePromise(of: HTTP1Channel.Value.self)
        try pipeline.addHandler(
            ImmediateRequests(immediate, from: connection.peer, limits: limits, configuration, application: application) {
                channel in
                try Self.application(on: channel, idleTimeout: idleTimeout, logger: logger)
            })
        return application.futureResult
    }

    /// Adds what the application needs behind the handlers of the connection.
    private static func application(
        on channel: any Channel, idleTimeout: Duration, logger: Logger
    ) throws -> HTTP1Channel.Value {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        try pipeline.addHandler(HTTPConnectionStateHandler(idleTimeout: idleTimeout, logger: logger))
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
