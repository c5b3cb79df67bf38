import Countersign
import CountersignClient
import CountersignHummingbird
import CountersignTLS
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// A receiving service as a user would write it: Hummingbird over mutual TLS, one middleware, keys and status over the network.
final class DemoReceiver: Sendable {
    let tls: ReloadableTLS
    let keys: RemoteKeySource
    private let status: RemoteStatusSource
    let port: Int
    private let issuer: IssuerClient
    private let issuerAddress: String
    private let log: DemoLog

    init(folder: DemoFolder, issuerAddress: String, port: Int, log: DemoLog) throws {
        tls = try ReloadableTLS(folder.files(of: "search-svc", withRevocationList: true), role: .server, at: .now())
        let outgoing = try ReloadableTLS(folder.files(of: "search-svc", withRevocationList: false), role: .client, at: .now())
        issuer = try IssuerClient([issuerAddress], tls: outgoing, logger: log.logger)
        keys = RemoteKeySource(issuer, configuration: .init(shortestRefresh: .seconds(1), unknownKeyCooldown: .seconds(1)))
        status = RemoteStatusSource(issuer, keys: keys, expecting: issuerAddress)
        self.port = port
        self.issuerAddress = issuerAddress
        self.log = log
    }

    /// What runs: the application, the key source, and the watch over the certificate files.
    func services(onReady: @escaping @Sendable () -> Void) -> [any Service] {
        let authenticator = Authenticator(
            expecting: Expectations(issuer: issuerAddress, audiences: ["search-svc"]),
            trust: .authorities(tls),
            callers: CallerPolicy(rules: [.trustDomain("link.internal")]),
            keys: keys,
            revocations: status
        )
        let router = Router(context: CallerContext.self)
        router.add(middleware: AuthenticationMiddleware(authenticator))
        router.get("/search") { _, context in
            let caller = try context.requireCaller()
            return "hello \(caller.service), roles \(caller.roles.joined(separator: " ")), key \(caller.keyID)"
        }
        var application = Application(
            router: router,
            server: .mutualTLS(tls, configuration: .init(onRefusal: { [log] refusal in log.note(refusal.code.rawValue) })),
            configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { _ in onReady() },
            logger: log.logger
        )
        application.beforeServerStarts { [keys] in try await keys.waitUntilReady() }
        application.beforeServerStarts { [status] in try await status.waitUntilReady() }
        return [issuer, keys, status, CertificateWatch(tls: tls, logger: log.logger), application]
    }
}

/// Keeps what the receiver's log said last: the exact reasons that a peer never sees.
final class DemoLog: Sendable {
    private let lastReason = Mutex<String?>(nil)

    var logger: Logger {
        var logger = Logger(label: "countersign.demo") { _ in Handler(log: self) }
        logger.logLevel = .info
        return logger
    }

    func note(_ reason: String) {
        lastReason.withLock { $0 = reason }
    }

    /// The last reason, forgotten afterwards.
    func takeReason() -> String? {
        lastReason.withLock { reason in
            defer { reason = nil }
            return reason
        }
    }

    private struct Handler: LogHandler {
        let log: DemoLog
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            if let reason = event.metadata?["reason"] { log.note("\(reason)") }
        }
    }
}
