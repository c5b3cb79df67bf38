import CountersignClient
import CountersignTLS
import Logging
import ServiceLifecycle
import UnixSignals

/// Reads the configuration and the certificate files again on SIGHUP. What cannot be taken over changes nothing.
struct AgentReload: Service {
    let hangups: UnixSignalsSequence
    let file: String?
    let tls: ReloadableTLS
    let tokens: AgentTokens
    let logger: Logger

    func run() async throws {
        for await _ in hangups.cancelOnGracefulShutdown() { reload() }
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
