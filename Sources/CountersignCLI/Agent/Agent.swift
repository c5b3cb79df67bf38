import CountersignClient
import CountersignCrypto
import CountersignIssuer
import CountersignJSON
import CountersignTLS
import Foundation
import Hummingbird
import Logging
import ServiceLifecycle
import UnixSignals

/// One process that keeps tokens fresh for the programs beside it.
struct Agent {
    let configuration: AgentConfiguration
    /// Where the configuration came from, to be read again on SIGHUP.
    let file: String?
    let logger: Logger
    /// Those since before the configuration was read; `nil` takes those from the start of ``run()``.
    var hangups: UnixSignalsSequence?

    /// What an agent is made of.
    struct Parts {
        let tls: ReloadableTLS
        let issuer: IssuerClient
        let source: TokenSource
        let tokens: AgentTokens
    }

    /// Makes everything that a configuration can be wrong about, and starts nothing: what `--check` asks.
    ///
    /// - Throws: `CommandFailure`, `TLSError` or `TokenError` for a configuration with which nothing would ever work.
    func prepare() throws -> Parts {
        var pins: Set<KeyPin> = []
        for pin in configuration.pins { pins.insert(try KeyPin(pin)) }
        if let socket = configuration.socket { try SocketPath(socket.path).check() }
        let tls = try ReloadableTLS(configuration.files, role: .client, at: .now())
        let issuer = try IssuerClient(
            configuration.issuers, tls: tls, configuration: .init(watchInterval: .seconds(2), pinnedKeys: pins), logger: logger
        )
        let source = TokenSource(issuer, configuration: .init(clientID: configuration.clientID))
        let tokens = try AgentTokens(configuration, source: source, logger: logger)
        return Parts(tls: tls, issuer: issuer, source: source, tokens: tokens)
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: as ``prepare()``; `CommandFailure` for an address or socket that cannot be listened on.
    func run() async throws {
        // Whatever is made from here on is for us alone, from its first moment.
        umask(0o077)
        let hangups = if let hangups { hangups } else { await UnixSignalsSequence(trapping: .sighup) }
        let parts = try prepare()
        let (issuer, tokens) = (parts.issuer, parts.tokens)
        let status = AgentStatus(issuer: issuer, tokens: tokens)
        var services: [any Service] = [
            issuer, parts.source, tokens,
            AgentReload(hangups: hangups, file: file, tls: parts.tls, tokens: tokens, logger: logger), IdleMemory(),
        ]
        if let socket = configuration.socket {
            services.append(AgentSocket(path: SocketPath(socket.path), tokens: tokens, status: status, logger: logger))
        }
        if let address = configuration.operations { services.append(operations(address, tokens, status)) }
        var quiet = logger
        quiet.logLevel = max(quiet.logLevel, .warning)
        // What one of them fails with is told at the end; the others stop in order, not cut off.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { .init(service: $0, failureTerminationBehavior: .gracefullyShutdownGroup) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet
            )
        )
        try await group.run()
        logger.notice("stopped")
    }

    /// Plain HTTP for probes. Tells nothing that is secret.
    private func operations(_ address: ListenAddress, _ tokens: AgentTokens, _ status: AgentStatus) -> AgentListener {
        let router = Router(context: AgentContext.self)
        router.get("livez") { _, _ in AgentAnswer.json(.ok, ["status": "live"]) }
        router.get("readyz") { _, _ in await AgentAnswer.ready(tokens) }
        router.get("status") { _, _ in AgentAnswer.json(.ok, await status.json) }
        let logger = logger
        return AgentListener(
            address: .hostname(address.host, port: address.port), name: "\(address)", responder: router.buildResponder(),
            logger: logger
        ) { channel in
            let port = channel.localAddress?.port ?? address.port
            logger.notice("listening for probes", metadata: ["address": "http://\(address.host):\(port)"])
        }
    }
}
