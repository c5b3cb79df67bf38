internal import CountersignCrypto
internal import CountersignTLS
internal import Logging
internal import ServiceLifecycle

/// Takes over changed certificates, CA and revocation lists, and tells about it, and of lists that end without a change.
struct CertificateWatch: Service {
    private let state: IssuerState
    private let pollInterval: Duration
    private let first: Trust

    /// The authorities and lists at one look.
    private struct Trust {
        let validator: PathValidator
        let problem: TLSError?

        init(_ state: IssuerState) {
            validator = state.tls.current.validator
            problem = state.tls.trustProblem(at: state.clock())
        }
    }

    init(state: IssuerState, pollInterval: Duration) {
        self.state = state
        self.pollInterval = pollInterval
        first = Trust(state)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            await withDiscardingTaskGroup { group in
                group.addTask {
                    await state.tls.watch(every: pollInterval, clock: state.clock) { outcome in
                        Self.report(outcome, state)
                    }
                }
                group.addTask { await watchTime() }
            }
        }
    }

    /// What is new in the files is told when it is taken over.
    private func watchTime() async {
        var last = first
        while (try? await Task.sleep(for: pollInterval)) != nil {
            let trust = Trust(state)
            if let problem = trust.problem, last.problem == nil, last.validator === trust.validator {
                Self.report(problem, state)
            }
            last = trust
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
        if let problem = state.tls.trustProblem(at: state.clock()) { report(problem, state) }
    }

    private static func report(_ problem: TLSError, _ state: IssuerState) {
        state.logger.error(
            "clients are refused because of the CA certificates or revocation lists",
            metadata: ["reason": "\(problem.code)", "message": "\(problem.message)"]
        )
    }
}
