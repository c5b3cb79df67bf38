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

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: `CommandFailure`, `TLSError` or `TokenError` for a configuration with which nothing would ever work.
    func run() async throws {
        // Whatever is made from here on is for us alone, from its first moment.
        umask(0o077)
        var pins: Set<KeyPin> = []
        for pin in configuration.pins { pins.insert(try KeyPin(pin)) }
        let tls = try ReloadableTLS(configuration.files, role: .client, at: .now())
        let issuer = try IssuerClient(
            configuration.issuers, tls: tls, configuration: .init(watchInterval: .seconds(2), pinnedKeys: pins), logger: logger
        )
        let source = TokenSource(issuer, configuration: .init(clientID: configuration.clientID))
        let tokens = try AgentTokens(configuration, source: source, logger: logger)
        let status = AgentStatus(issuer: issuer, tokens: tokens)
        var services: [any Service] = [issuer, source, tokens, AgentReload(file: file, tls: tls, tokens: tokens, logger: logger)]
        if let socket = configuration.socket {
            services.append(AgentSocket(path: socket.path, tokens: tokens, status: status, logger: logger).service())
        }
        if let address = configuration.operations { services.append(operations(address, tokens, status)) }
        var quiet = logger
        quiet.logLevel = max(quiet.logLevel, .warning)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet
            )
        )
        try await group.run()
        if let socket = configuration.socket { try? FileManager.default.removeItem(atPath: socket.path) }
        logger.notice("stopped")
    }

    /// Plain HTTP for probes. Tells nothing that is secret.
    private func operations(_ address: ListenAddress, _ tokens: AgentTokens, _ status: AgentStatus) -> some Service {
        let router = Router()
        router.get("livez") { _, _ in AgentAnswer.json(.ok, ["status": "live"]) }
        router.get("readyz") { _, _ in AgentAnswer.ready(tokens) }
        router.get("status") { _, _ in AgentAnswer.json(.ok, status.json) }
        var quiet = logger
        quiet.logLevel = max(quiet.logLevel, .warning)
        let logger = logger
        return Application(
            router: router, server: .http1(),
            configuration: ApplicationConfiguration(address: .hostname(address.host, port: address.port)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? address.port
                logger.notice("listening for probes", metadata: ["address": "http://\(address.host):\(port)"])
            },
            logger: quiet
        )
    }
}

/// Reads the configuration and the certificate files again on SIGHUP. What cannot be taken over changes nothing.
private struct AgentReload: Service {
    let file: String?
    let tls: ReloadableTLS
    let tokens: AgentTokens
    let logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() { reload() }
    }

    private func reload() {
        do {
            try tls.reload(at: .now())
        } catch {
            logger.error("certificate files not taken over", metadata: ["code": "\(error.code)", "error": "\(error)"])
        }
        guard let file else { return logger.notice("reloaded") }
        do {
            let new = try AgentConfiguration.load(contentsOf: file)
            if new.fixed != tokens.configuration.fixed {
                logger.warning(
                    "issuers, pins, clientID, tls, operations and the socket's path are read at the start only: restart for them")
            }
            try tokens.take(new)
            logger.notice("reloaded", metadata: ["tokens": "\(new.tokens.count)"])
        } catch {
            let message = (error as? CommandFailure)?.message ?? "\(error)"
            logger.error("not reloaded, the configuration in use stays", metadata: ["error": "\(message)"])
        }
    }
}
