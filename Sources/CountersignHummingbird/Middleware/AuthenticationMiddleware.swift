public import Countersign
internal import CountersignTLS
public import Hummingbird
internal import Logging

/// Checks certificate and token of every request that passes, and puts the verified caller into the context.
///
/// ```swift
/// let router = Router(context: CallerContext.self)
/// router.add(middleware: AuthenticationMiddleware(authenticator))
/// router.get("/whoami") { _, context in try context.requireCaller().service }
/// ```
///
/// The server must be built with `HTTPServerBuilder.mutualTLS`: on any other connection there is no peer, and everything is
/// refused. The middleware decides nothing; the verdict is the ``Authenticator``'s. Refusals look alike to the peer (401,
/// 403 or 503 with an empty problem body) and are logged with their reason at level `info`.
public struct AuthenticationMiddleware<Context: CallerRequestContext>: RouterMiddleware {
    private let authenticator: Authenticator
    private let requirement: Requirement
    private let clock: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - requirement: what every route behind this middleware asks; single routes add ``RequirementMiddleware``.
    ///   - clock: the moment to decide for.
    public init(
        _ authenticator: Authenticator,
        requiring requirement: Requirement = .none,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) {
        self.authenticator = authenticator
        self.requirement = requirement
        self.clock = clock
    }

    public func handle(
        _ request: Request,
        context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let (authorization, now) = (request.headers[values: .authorization], clock())
        // Most requests bring a token that was seen before, and are served by their connection's own task: no suspension for them.
        if let peer = context.channel.mutualTLSPeerAtHand(),
            let caller = authenticator.remembered(authorization, of: peer, requiring: requirement, at: now)
        {
            return try await next(request, context.with(caller))
        }
        let verdict = await authenticator.authenticate(
            peer: await context.channel.mutualTLSPeer(), authorization: authorization, requiring: requirement, at: now
        )
        switch verdict {
        case .accepted(let caller): return try await next(request, context.with(caller))
        case .refused(let refusal): return refusal.response(to: request, realm: authenticator.realm, logger: context.logger)
        }
    }
}

extension CallerRequestContext {
    fileprivate func with(_ caller: VerifiedCaller) -> Self {
        var context = self
        context.caller = caller
        return context
    }
}

/// Asks for roles or scopes on the routes behind it; goes after ``AuthenticationMiddleware``.
///
/// ```swift
/// router.group("/index").add(middleware: RequirementMiddleware(.role("writer"), realm: "search-svc"))
/// ```
public struct RequirementMiddleware<Context: CallerRequestContext>: RouterMiddleware {
    private let requirement: Requirement
    private let realm: String

    /// - Parameter realm: the receiver's name for the challenge of a 403, usually its audience.
    public init(_ requirement: Requirement, realm: String) {
        self.requirement = requirement
        self.realm = realm
    }

    public func handle(
        _ request: Request,
        context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        if let refusal = requirement.refusal(for: try context.requireCaller()) {
            return refusal.response(to: request, realm: realm, logger: context.logger)
        }
        return try await next(request, context)
    }
}
