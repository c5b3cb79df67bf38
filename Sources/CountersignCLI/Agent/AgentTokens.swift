import CountersignClient
import CountersignCrypto
import CountersignTLS
import Foundation
import Logging
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Keeps the tokens of an agent in its files: looks once a second whether one has changed, in hand or on the disk.
///
/// `TokenSource` renews them; this one asks for each of them again and again, so that none is forgotten, and writes what is new
/// and what somebody has removed. The last token stays in its file when there is no other, also past its end: the reader is told
/// by who it calls.
final class AgentTokens: Service {
    let source: TokenSource
    private let logger: Logger
    private let state: Mutex<State>

    private struct State {
        var configuration: AgentConfiguration
        /// By number, of those that are configured; looked up when the configuration is read.
        var users: Set<UInt32>
        /// The token that was delivered last: written to its file, if it has one. None after a write that failed.
        var delivered: [AgentConfiguration.Token: AccessToken] = [:]
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
            state.delivered = state.delivered.filter { configuration.tokens.contains($0.key) }
            state.failures = state.failures.filter { configuration.tokens.contains($0.key) }
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

    /// Whether there is a valid token for everything that is configured, and every file holds one now.
    ///
    /// In the moment after a renewal a file may still hold the token before, which is good as long as it is valid.
    var isReady: Bool {
        get async {
            let (tokens, delivered) = state.withLock { ($0.configuration.tokens, $0.delivered) }
            let now = Timestamp.now()
            for token in tokens {
                guard source.condition(of: token.audience, scope: token.scopes)?.token != nil else { return false }
                guard token.file != nil else { continue }
                guard let last = delivered[token], last.expiresAt > now, await isInFile(last, of: token) else { return false }
            }
            return true
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                while !Task.isCancelled {
                    for token in self.claimAll() {
                        group.addTask { await self.work(on: token) }
                    }
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    private func claimAll() -> [AgentConfiguration.Token] {
        state.withLock { state in
            let free = state.configuration.tokens.filter { !state.busy.contains($0) }
            state.busy.formUnion(free)
            return free
        }
    }

    private func work(on token: AgentConfiguration.Token) async {
        defer { _ = state.withLock { $0.busy.remove(token) } }
        if let inHand = source.cachedToken(for: token.audience, scope: token.scopes), await isDelivered(inHand, of: token) {
            return
        }
        // Its failure is logged where it happened, and asked for again a second from now.
        guard let new = try? await source.token(for: token.audience, scope: token.scopes) else { return }
        do {
            if let file = token.file {
                try await NIOThreadPool.singleton.runIfActive { try TokenFile(file).write(new) }
            }
            let last = state.withLock { state in
                state.failures[token] = nil
                return state.delivered.updateValue(new, forKey: token)
            }
            logger.info(
                last == nil ? "first token" : last?.value == new.value ? "token written again" : "new token",
                metadata: [
                    "audience": "\(token.audience)", "expires": "\(new.expiresAt)", "file": "\(token.file?.path ?? "none")",
                ]
            )
            if !token.onChange.isEmpty {
                await ChangeCommand(arguments: token.onChange, hiding: configuration.files.secretVariables, logger: logger)
                    .run(audience: token.audience, file: token.file?.path)
            }
        } catch is CancellationError {
            // The agent is to stop, and has not written.
        } catch {
            let message = (error as? CommandFailure)?.message ?? ErrorWords.reason(error)
            let isNews = state.withLock { state in
                state.delivered[token] = nil
                return state.failures.updateValue(message, forKey: token) != message
            }
            if isNews { logger.error("\(message)", metadata: ["audience": "\(token.audience)"]) }
        }
    }

    /// Whether nothing is left to do for this token.
    private func isDelivered(_ token: AccessToken, of entry: AgentConfiguration.Token) async -> Bool {
        if entry.file == nil && entry.onChange.isEmpty { return true }
        guard state.withLock({ $0.delivered[entry]?.value }) == token.value else { return false }
        return await isInFile(token, of: entry)
    }

    private func isInFile(_ token: AccessToken, of entry: AgentConfiguration.Token) async -> Bool {
        guard let file = entry.file else { return true }
        return (try? await NIOThreadPool.singleton.runIfActive { try TokenFile(file).holds(token) }) ?? false
    }
}
