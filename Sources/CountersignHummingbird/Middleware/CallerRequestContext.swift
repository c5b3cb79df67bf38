public import Countersign
public import Hummingbird
public import NIOCore

/// A request context that can hold a verified caller.
///
/// Conform your own context, or use ``CallerContext``.
public protocol CallerRequestContext: RequestContext {
    /// The channel the request came in on; under HTTP/2 its stream.
    var channel: any Channel { get }
    /// The caller, once ``AuthenticationMiddleware`` has let the request through; `nil` before.
    var caller: VerifiedCaller? { get set }
}

extension CallerRequestContext {
    /// The verified caller of a route behind ``AuthenticationMiddleware``.
    ///
    /// - Throws: `HTTPError` 401 where the middleware is missing. Fails closed.
    public func requireCaller() throws -> VerifiedCaller {
        guard let caller else { throw HTTPError(.unauthorized) }
        return caller
    }
}

/// The ready-made request context: Hummingbird's own, the channel and the caller.
public struct CallerContext: CallerRequestContext {
    public var coreContext: CoreRequestContextStorage
    public let channel: any Channel
    public var caller: VerifiedCaller?

    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}
