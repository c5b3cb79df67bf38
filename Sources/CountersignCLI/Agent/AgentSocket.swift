import CountersignClient
import CountersignJSON
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// `GET /token?audience=...` for the programs beside the agent, on a Unix socket.
///
/// Who may ask is decided by the user that the kernel says is calling: everybody else is cut off before the first byte is read,
/// whatever the socket's mode.
struct AgentSocket: Service {
    let path: SocketPath
    let tokens: AgentTokens
    let status: AgentStatus
    var limits = AgentListener.Limits()
    let logger: Logger

    func run() async throws {
        try await path.alone { try await listen() }
    }

    private func listen() async throws {
        let peers = Peers(tokens: tokens, logger: logger)
        let bound = Mutex<SocketPath.Identity?>(nil)
        defer { if let mine = bound.withLock({ $0 }) { path.remove(mine) } }
        let (path, logger) = (path, logger)
        let listener = AgentListener(
            address: .unixDomainSocket(path: path.path), name: path.path, responder: router(peers).buildResponder(),
            limits: limits, admits: { peers.admits($0) }, logger: logger
        ) { _ in
            let identity = path.identity
            bound.withLock { $0 = identity }
            // The kernel's word about the caller is what counts; the mode only keeps others from trying.
            if !path.openToAll() { logger.warning("other users cannot use the socket", metadata: ["socket": "\(path.path)"]) }
            logger.notice("listening", metadata: ["socket": "\(path.path)"])
        }
        try await listener.run()
    }

    private func router(_ peers: Peers) -> Router<AgentContext> {
        let router = Router(context: AgentContext.self)
        router.add(middleware: PeerMiddleware(peers: peers))
        router.get("token") { request, _ in await self.token(request) }
        router.get("status") { _, _ in AgentAnswer.json(.ok, await status.json) }
        router.get("readyz") { _, _ in await AgentAnswer.ready(tokens) }
        return router
    }

    private func token(_ request: Request) async -> Response {
        let query = request.uri.queryParameters
        guard let audience = query["audience"].map(String.init), query.getAll("audience").count == 1 else {
            return AgentAnswer.error(.badRequest, "invalid_request", "name one audience: /token?audience=NAME")
        }
        let scopes = query["scope"].map { Set($0.replacing("+", with: " ").split(separator: " ").map(String.init)) }
        guard let token = tokens.configuration.token(for: audience, scopes: scopes) else {
            return AgentAnswer.error(.notFound, "invalid_target", "this agent keeps no such token; add it to its configuration")
        }
        do {
            return AgentAnswer.token(try await tokens.source.token(for: token.audience, scope: token.scopes))
        } catch {
            return AgentAnswer.failure(error)
        }
    }
}

/// The agent's own user, root, and those that are configured; nobody else.
private final class Peers: Sendable {
    private let tokens: AgentTokens
    private let logger: Logger
    /// Whose refusal has been told: once, or anybody could fill the log.
    private let told = Mutex<Set<UInt32>>([])

    init(tokens: AgentTokens, logger: Logger) {
        self.tokens = tokens
        self.logger = logger
    }

    func admits(_ channel: any Channel) -> EventLoopFuture<Bool> {
        PeerCredentials.of(channel).map { peer in
            guard let peer else { return false }
            let isAllowed = self.tokens.isAllowed(peer.userID)
            let isNews = self.told.withLock { told in
                if isAllowed { return told.remove(peer.userID) != nil }
                return told.insert(peer.userID).inserted
            }
            if !isAllowed, isNews {
                self.logger.notice(
                    "refused on the socket", metadata: ["user": "\(peer.userID)", "process": "\(peer.processID)"])
            }
            return isAllowed
        }
    }
}

/// The same for each request, for connections that were there before the users were changed.
private struct PeerMiddleware: RouterMiddleware {
    let peers: Peers

    func handle(
        _ request: Request, context: AgentContext, next: (Request, AgentContext) async throws -> Response
    ) async throws -> Response {
        guard (try? await peers.admits(context.channel).get()) == true else {
            return AgentAnswer.error(.forbidden, "access_denied", "this user may not ask this agent")
        }
        return try await next(request, context)
    }
}
