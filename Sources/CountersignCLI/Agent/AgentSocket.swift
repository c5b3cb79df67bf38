import CountersignClient
import CountersignJSON
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// `GET /token?audience=...` for the programs beside the agent, on a Unix socket.
///
/// Who may ask is decided by the user that the kernel says is calling; everybody else is refused, whatever the socket's mode.
struct AgentSocket: Sendable {
    struct Context: RequestContext {
        var coreContext: CoreRequestContextStorage
        let channel: any Channel

        init(source: ApplicationRequestContextSource) {
            coreContext = CoreRequestContextStorage(source: source)
            channel = source.channel
        }
    }

    let path: String
    let tokens: AgentTokens
    let status: AgentStatus
    let logger: Logger

    func service() -> some Service {
        var quiet = logger
        quiet.logLevel = max(quiet.logLevel, .warning)
        let (path, logger) = (path, logger)
        return Application(
            router: router, server: .http1(),
            configuration: ApplicationConfiguration(address: .unixDomainSocket(path: path)),
            onServerRunning: { _ in
                // The kernel's word about the caller is what counts; the mode only keeps others from trying.
                try? FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: path)
                logger.notice("listening", metadata: ["socket": "\(path)"])
            },
            logger: quiet
        )
    }

    private var router: Router<Context> {
        let router = Router(context: Context.self)
        router.add(middleware: PeerMiddleware(tokens: tokens, logger: logger))
        router.get("token") { request, _ in await self.token(request) }
        router.get("status") { _, _ in AgentAnswer.json(.ok, status.json) }
        router.get("readyz") { _, _ in AgentAnswer.ready(tokens) }
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

/// Lets nobody ask but the agent's own user, root, and those that are configured.
private struct PeerMiddleware: RouterMiddleware {
    typealias Context = AgentSocket.Context

    let tokens: AgentTokens
    let logger: Logger

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let peer = await PeerCredentials.of(context.channel)
        guard let peer, tokens.isAllowed(peer.userID) else {
            logger.notice(
                "refused on the socket",
                metadata: ["user": "\(peer.map { "\($0.userID)" } ?? "unknown")", "process": "\(peer?.processID ?? 0)"]
            )
            return AgentAnswer.error(.forbidden, "access_denied", "this user may not ask this agent")
        }
        return try await next(request, context)
    }
}
