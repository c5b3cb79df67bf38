internal import CountersignCrypto
internal import CountersignTLS
internal import Logging
internal import ServiceLifecycle

/// Takes over changed certificates, CA and revocation lists, and tells about it.
struct CertificateWatch: Service {
    let state: IssuerState
    let pollInterval: Duration

    func run() async throws {
        await cancelWhenGracefulShutdown { [state, pollInterval] in
            await state.tls.watch(every: pollInterval, clock: state.clock) { outcome in
                Self.report(outcome, state)
            }
        }
    }

    static func report(_ outcome: ReloadableTLS.Outcome, _ state: IssuerState) {
        switch outcome {
        case .unchanged:
            state.logger.notice("the TLS files hold again what is loaded")
        case .replaced(let material):
            state.logger.notice(
                "TLS files reloaded",
                metadata: [
                    "subject": "\(material.certificate.subject)", "serial": "\(material.certificate.serialHex)",
                    "notAfter": "\(material.certificate.notAfter)", "revocationLists": "\(material.revocationLists.count)",
                ]
            )
        case .failed(let error):
            state.logger.error(
                "TLS files not reloaded", metadata: ["reason": "\(error.code)", "message": "\(error.message)"]
            )
        }
        if let problem = state.tls.trustProblem(at: state.clock()) {
            state.logger.error(
                "clients are refused because of the CA certificates or revocation lists",
                metadata: ["reason": "\(problem.code)", "message": "\(problem.message)"]
            )
        }
    }
}
