import CountersignClient
import Foundation
import Logging
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Keeps the tokens of an agent in its files: looks once a second whether one has changed.
///
/// `TokenSource` renews them; this one asks for each of them again and again, so that none is forgotten, and writes what is new.
/// The last token stays in its file when there is no other, also past its end: the reader is told by who it calls.
final class AgentTokens: Service {
    let source: TokenSource
    private let logger: Logger
    private let state: Mutex<State>

    private struct State {
        var configuration: AgentConfiguration
        /// By number, of those that are configured; looked up when the configuration is read.
        var users: Set<UInt32>
        /// What each file holds.
        var written: [AgentConfiguration.Token: String] = [:]
        /// Somebody is at work on them.
        var busy: Set<AgentConfiguration.Token> = []
        /// Told once, until it changes.
        var failures: [AgentConfiguration.Token: String] = [:]
    }

    init(_ configuration: AgentConfiguration, source: TokenSource, logger: Logger) throws {
        let users = try Self.users(configuration)
        self.source = source
        self.logger = logger
        state = Mutex(State(configuration: configuration, users: users))
    }

    var configuration: AgentConfiguration { state.withLock { $0.configuration } }

    /// Tokens and users of another configuration from now on.
    ///
    /// - Throws: `CommandFailure` when a user, or the owner or group of a file, is nobody here; nothing changes then.
    func take(_ configuration: AgentConfiguration) throws {
        let users = try Self.users(configuration)
        state.withLock { state in
            state.configuration = configuration
            state.users = users
        }
    }

    /// Whether this user may ask on the socket.
    func isAllowed(_ user: UInt32) -> Bool {
        user == 0 || user == geteuid() || state.withLock { $0.users.contains(user) }
    }

    private static func users(_ configuration: AgentConfiguration) throws -> Set<UInt32> {
        _ = try configuration.tokens.compactMap(\.file).map(TokenFile.init)
        return Set(try configuration.socket?.users.map(SystemAccount.user) ?? [])
    }

    /// Whether there is a valid token for everything that is configured, and every file holds it.
    var isReady: Bool {
        let (tokens, written) = state.withLock { ($0.configuration.tokens, $0.written) }
        return tokens.allSatisfy { token in
            guard source.condition(of: token.audience, scope: token.scopes)?.token != nil else { return false }
            return token.file == nil || written[token] != nil
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                while !Task.isCancelled {
                    for token in self.claimWork() {
                        group.addTask { await self.work(on: token) }
                    }
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    private func claimWork() -> [AgentConfiguration.Token] {
        let (tokens, written) = state.withLock { state in
            (state.configuration.tokens.filter { !state.busy.contains($0) }, state.written)
        }
        let work = tokens.filter { token in
            guard let inHand = source.cachedToken(for: token.audience, scope: token.scopes) else { return true }
            return (token.file != nil || !token.onChange.isEmpty) && written[token] != inHand.value
        }
        state.withLock { $0.busy.formUnion(work) }
        return work
    }

    private func work(on token: AgentConfiguration.Token) async {
        defer { _ = state.withLock { $0.busy.remove(token) } }
        // Its failure is logged where it happened, and asked for again a second from now.
        guard let new = try? await source.token(for: token.audience, scope: token.scopes) else { return }
        do {
            if let file = token.file {
                try await NIOThreadPool.singleton.runIfActive { try TokenFile(file).write(new) }
            }
            let isFirst = state.withLock { state in
                state.failures[token] = nil
                return state.written.updateValue(new.value, forKey: token) == nil
            }
            logger.info(
                isFirst ? "first token" : "new token",
                metadata: [
                    "audience": "\(token.audience)", "expires": "\(new.expiresAt)", "file": "\(token.file?.path ?? "none")",
                ]
            )
            if !token.onChange.isEmpty {
                await ChangeCommand(arguments: token.onChange, logger: logger)
                    .run(audience: token.audience, file: token.file?.path)
            }
        } catch {
            let message = (error as? CommandFailure)?.message ?? "\(error)"
            let isNews = state.withLock { $0.failures.updateValue(message, forKey: token) != message }
            if isNews { logger.error("\(message)", metadata: ["audience": "\(token.audience)"]) }
        }
    }
}
