internal import CountersignCrypto
public import CountersignTLS
public import Logging
public import ServiceLifecycle

/// Keeps a receiver's certificate, authorities and revocation lists fresh while it serves.
///
/// Run it beside the application: without it the receiver goes on with the revocation list it started with, and refuses
/// everybody when that one ends. New authorities and lists are taken over even when the certificate beside them is bad; a file
/// that cannot be read changes nothing. Either is logged once.
public struct CertificateWatch: Service {
    private let tls: ReloadableTLS
    private let interval: Duration
    private let logger: Logger

    /// - Parameter interval: the pause between two looks at the files.
    public init(tls: ReloadableTLS, every interval: Duration = .seconds(5), logger: Logger = Logger(label: "countersign.tls")) {
        self.tls = tls
        self.interval = interval
        self.logger = logger
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await tls.watch(every: interval) { outcome in
                switch outcome {
                case .replaced(let material):
                    logger.notice("certificate files taken over", metadata: ["notAfter": "\(material.certificate.notAfter)"])
                case .failed(let error):
                    logger.error(
                        "certificate files not taken over as a whole",
                        metadata: ["reason": "\(error.code)", "message": "\(error.message)"]
                    )
                default:
                    logger.notice("certificate files: \(outcome)")
                }
            }
        }
    }
}
