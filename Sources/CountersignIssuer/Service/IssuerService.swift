public import CountersignCrypto
internal import CountersignHummingbird
internal import CountersignTLS
internal import Hummingbird
internal import HummingbirdCore
public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle
internal import UnixSignals

/// The issuer: two listeners, and what keeps certificates, keys and policy up to date while they serve.
///
/// ```swift
/// try await IssuerService(configuration, logger: logger).runUntilSignalled()
/// ```
public struct IssuerService: Service {
    /// What holds for every issuer and is not in the configuration file.
    public struct Options: Sendable {
        /// How long requests in hand may take once the issuer is asked to stop.
        public var drainTimeout: Duration = .seconds(10)
        /// How often files are looked at.
        public var pollInterval: Duration = .milliseconds(500)
        /// Whether SIGHUP reloads configuration and certificates. One issuer per process can listen for it.
        public var reloadsOnHangup = false
        public var clock: @Sendable () -> Timestamp = Timestamp.now
        /// A clock that cannot be set, to notice when the other one is.
        public var elapsed: @Sendable () -> Duration = MonotonicTime.elapsed
        /// Told of the addresses once they are listened on, with the ports that the system chose; `operations` first. Called on
        /// an event loop: it must not block.
        public var onListening: @Sendable (Endpoint, ListenAddress) async -> Void = { _, _ in }

        public init() {}
    }

    /// The two listeners.
    public enum Endpoint: String, Sendable {
        /// Mutual TLS.
        case tokens
        /// Plain HTTP for probes.
        case operations
    }

    private let state: IssuerState
    private let options: Options

    /// Loads everything that is needed to issue tokens. Does not listen yet.
    ///
    /// - Throws: ``IssuerStartError``: certificates or keys that are missing, do not fit, have expired or may be read by others;
    ///   an issuer certificate that does not name the issuer; a key ring that is empty, damaged or the published example.
    public init(
        _ configuration: IssuerConfiguration, logger: Logger, options: Options = Options()
    ) async throws(IssuerStartError) {
        let clock = options.clock
        let tls = try await Self.material(configuration, at: clock())
        let keys: SigningKeys
        do {
            keys = try await SigningKeys(
                store: configuration.keys.store, keeping: configuration.keys.keepingStore,
                parameters: configuration.keys.parameters, logger: logger, pollEvery: options.pollInterval,
                statusIssuer: configuration.issuer.text, clock: clock, elapsed: options.elapsed
            )
        } catch {
            throw IssuerStartError(error)
        }
        state = IssuerState(
            try IssuerSnapshot(configuration), tls: tls, keys: keys, logger: logger, clock: clock, elapsed: options.elapsed)
        self.options = options
        for warning in configuration.warnings {
            logger.warning("\(warning)")
        }
    }

    /// ``run()`` in a process of its own: SIGTERM and SIGINT finish the requests in hand and stop.
    public func runUntilSignalled() async throws {
        let configuration = ServiceGroupConfiguration(
            services: [self], gracefulShutdownSignals: [.sigterm, .sigint], logger: quietLogger
        )
        try await ServiceGroup(configuration: configuration).run()
    }

    /// Serves until the task is cancelled or the service group shuts down gracefully; then finishes the requests in hand.
    ///
    /// - Throws: ``IssuerStartError`` with code `address` when an address cannot be listened on.
    public func run() async throws {
        let reloader = Reloader(state: state, pollInterval: options.pollInterval)
        var services: [any Service] = [state.keys, CertificateWatch(state: state, pollInterval: options.pollInterval), reloader]
        if options.reloadsOnHangup {
            services.append(HangupWatch(reloader: reloader))
        }
        // Whoever waits for the line `listening` may look for the other one at once: it comes first.
        let (operations, told) = AsyncStream.makeStream(of: Void.self)
        if let address = state.snapshot.configuration.operations {
            services.append(operationsListener(address, told))
        } else {
            told.yield()
        }
        services.append(tokenListener { await operations.contains { true } })
        var configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: $0, failureTerminationBehavior: .gracefullyShutdownGroup) },
            logger: quietLogger
        )
        // Connections are cut when the drain is over; this is for a connection that does not notice.
        configuration.maximumGracefulShutdownDuration = options.drainTimeout + .seconds(2)
        try await withGracefulShutdownHandler {
            try await ServiceGroup(configuration: configuration).run()
        } onGracefulShutdown: { [logger = state.logger] in
            logger.notice("stopping, requests in hand are finished")
        }
    }
}

extension IssuerService {
    private static func material(
        _ configuration: IssuerConfiguration, at now: Timestamp
    ) async throws(IssuerStartError) -> ReloadableTLS {
        do {
            return try await NIOThreadPool.singleton.runIfActive {
                // The host of the issuer changes with a restart only, so this configuration's holds for as long as we run.
                try ReloadableTLS(configuration.tls.files, role: .server, at: now) { material throws(TLSError) in
                    do throws(IssuerStartError) {
                        try IssuerName.check(configuration, material.certificate)
                    } catch {
                        throw TLSError(.certificateName, error.message, hint: error.hint)
                    }
                }
            }
        } catch let error as TLSError {
            throw IssuerStartError(error)
        } catch {
            throw IssuerStartError(.configuration, "the certificates cannot be loaded: \(ErrorWords.reason(error))")
        }
    }

    /// - Parameter mayTell: Waited for; `false` when this process will end.
    private func tokenListener(_ mayTell: @escaping @Sendable () async -> Bool) -> some Service {
        let logger = state.logger
        let limits = state.snapshot.configuration.limits
        let responder = IssuerResponder(state)
        let server = HTTPServerBuilder.mutualTLS(
            state.tls,
            configuration: MutualTLSServerConfiguration(
                drainTimeout: options.drainTimeout,
                maxRequestsInProgress: limits.requestsInProgress,
                maxConnectionsPerAddress: limits.connectionsPerAddress == 0 ? nil : limits.connectionsPerAddress,
                callerKey: { [state] peer in
                    switch state.snapshot.configuration.policy.service(of: peer) {
                    case .success(let service): service.id
                    case .failure: MutualTLSServerConfiguration.name(of: peer)
                    }
                },
                clock: options.clock,
                onRefusal: { [state] refusal in
                    refusal.log(in: state)
                },
                onOverload: { notice in
                    notice.log(to: logger)
                }
            ),
            immediate: responder
        )
        return Listener(
            address: state.snapshot.configuration.listen, responder: responder, server: server,
            maximumConnections: maximumConnections, logger: logger
        ) { [options] bound in
            guard await mayTell() else { return }
            logger.notice("listening", metadata: ["address": "https://\(bound)"])
            await options.onListening(.tokens, bound)
        }
    }

    private var maximumConnections: Int {
        let wanted = state.snapshot.configuration.limits.connections
        let possible = OpenFileLimit.connections(wanted: wanted, limit: OpenFileLimit.current)
        if possible < wanted {
            state.logger.info("connections are bounded by the limit of open files", metadata: ["connections": "\(possible)"])
        }
        return possible
    }

    private func operationsListener(_ address: ListenAddress, _ told: AsyncStream<Void>.Continuation) -> some Service {
        Listener(
            address: address, responder: OperationsResponder(state),
            // Whoever takes all places and asks nothing, or has never asked to the end, would keep the probes out.
            server: .http1(
                configuration: HTTP1Channel.Configuration(
                    additionalChannelHandlers: [BodyCutoff()], idleTimeout: .seconds(10))),
            maximumConnections: OpenFileLimit.operationsConnections,
            logger: state.logger, onEnd: { told.finish() }
        ) { [state, options] bound in
            state.logger.notice("listening for probes", metadata: ["address": "http://\(bound)"])
            await options.onListening(.operations, bound)
            told.yield()
        }
    }

    /// The service group tells at `info` and below about its own workings.
    private var quietLogger: Logger {
        var logger = state.logger
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
    }
}

extension IssuerConfiguration.TLS {
    /// The files as the transport takes them.
    var files: TLSFiles {
        TLSFiles(certificate: certificate, privateKey: privateKey, ca: clientCA, crl: crl)
    }
}

extension HandshakeRefusal {
    /// One line for a connection that was not accepted, or for many of an address. What strangers and port scanners cause stays
    /// below `notice`.
    func log(in state: IssuerState) {
        let address = remoteIP.map(ConnectionsByAddress.key(ofIP:)) ?? remoteAddress ?? ""
        guard let refused = state.refusedConnections.tell(code.rawValue, to: address, at: state.elapsed()) else { return }
        var metadata: Logger.Metadata = ["outcome": "refused", "reason": "\(code)", "message": "\(message)"]
        metadata["refused"] = Logger.Metadata.refused(refused)
        metadata["remote"] = remoteAddress.map { "\($0)" }
        metadata["subject"] = (certificate?.subject).map { "\($0)" }
        metadata["issuer"] = (certificate?.issuer).map { "\($0)" }
        metadata["serial"] = (certificate?.serialHex).map { "\($0)" }
        let isNotice = certificate != nil || code == .tooManyConnections
        state.logger.log(level: isNotice ? .notice : .info, "connection refused", metadata: metadata)
    }
}

extension OverloadNotice {
    func log(to logger: Logger) {
        logger.warning(
            "overloaded, requests were answered 503",
            metadata: [
                "outcome": "refused", "reason": "\(Self.code)", "refused": "\(refused)", "most": "\(mostRefused)",
            ]
        )
    }
}
