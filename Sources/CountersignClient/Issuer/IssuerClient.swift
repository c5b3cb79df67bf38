public import CountersignCrypto
public import CountersignTLS
public import Logging
public import ServiceLifecycle
internal import Synchronization

/// A service's way to its token issuer: all addresses of it, the connections, the own certificate.
///
/// One is enough for a process, and is shared by ``TokenSource`` and ``RemoteKeySource``:
///
/// ```swift
/// let tls = try ReloadableTLS(files, role: .client, at: .now())
/// let issuer = try IssuerClient(["https://tokens.link.internal:8443"], tls: tls)
/// ```
///
/// As a `Service` it looks after the certificate files. Without that it works with what `tls` holds, which others may reload.
public final class IssuerClient: Sendable {
    public struct Configuration: Sendable {
        /// For one request to one address, from the connection to the last byte of the answer. Less where a fetch needs the time
        /// for other addresses.
        public var requestTimeout: Duration
        /// Between two looks at the certificate files.
        public var watchInterval: Duration
        /// The keys that the issuer's server certificate may have; any that our CA vouches for when empty.
        public var pinnedKeys: Set<KeyPin>
        /// Tells processes of one service apart, for a rotation that waits for each of them: 1 to 64 letters, digits, dots,
        /// hyphens or underscores. A name that survives a restart, such as that of a pod or host, is best: a process that
        /// comes back under another name leaves one behind that is waited for a quarter of an hour.
        public var instance: String

        public init(
            requestTimeout: Duration = .seconds(5), watchInterval: Duration = .seconds(5), pinnedKeys: Set<KeyPin> = [],
            instance: String = String(UInt64.random(in: .min ... .max), radix: 36)
        ) {
            self.requestTimeout = requestTimeout
            self.watchInterval = watchInterval
            self.pinnedKeys = pinnedKeys
            self.instance = instance
        }
    }

    /// In the order in which they are tried; the one that answered last comes first, one that did not answer in time comes last.
    public let addresses: [IssuerAddress]

    let time: ClientTime
    let logger: Logger
    let transport: any IssuerTransport
    let configuration: Configuration
    let failover: Mutex<Failover>
    let clock = Mutex(ClockComparison())
    private let tls: ReloadableTLS?

    struct Failover {
        var rotation: AddressRotation
        /// That the failures belong to: another one may be accepted where this one was refused.
        var certificate: SHA256Digest
    }

    /// - Parameters:
    ///   - addresses: `https` URLs of the same issuer, at least one.
    ///   - tls: loaded for `TLSMaterial.Role.client`.
    /// - Throws: ``TokenError`` with `invalid-request` for an address that is none, and for a name of the instance that the issuer
    ///   would not take.
    public convenience init(
        _ addresses: [String],
        tls: ReloadableTLS,
        configuration: Configuration = Configuration(),
        time: ClientTime = .system,
        logger: Logger = Logger(label: "countersign.client")
    ) throws(TokenError) {
        let transport = MutualTLSTransport(
            wallClock: time.wallClock, pinnedKeys: configuration.pinnedKeys, connectTimeout: configuration.requestTimeout
        ) { tls.current }
        try self.init(addresses, transport: transport, tls: tls, configuration: configuration, time: time, logger: logger)
    }

    /// For another way to send requests than AsyncHTTPClient.
    public convenience init(
        _ addresses: [String],
        transport: any IssuerTransport,
        configuration: Configuration = Configuration(),
        time: ClientTime = .system,
        logger: Logger = Logger(label: "countersign.client")
    ) throws(TokenError) {
        try self.init(addresses, transport: transport, tls: nil, configuration: configuration, time: time, logger: logger)
    }

    private init(
        _ addresses: [String],
        transport: any IssuerTransport,
        tls: ReloadableTLS?,
        configuration: Configuration,
        time: ClientTime,
        logger: Logger
    ) throws(TokenError) {
        var parsed: [IssuerAddress] = []
        for address in addresses { parsed.append(try IssuerAddress(address)) }
        guard !parsed.isEmpty else { throw TokenError(.invalidRequest, "no issuer address is given") }
        guard IssuerRequest.isInstance(configuration.instance) else {
            throw TokenError(
                .invalidRequest,
                "\(configuration.instance.debugDescription) cannot be the name of an instance: that is 1 to "
                    + "\(IssuerRequest.maxInstanceBytes) letters, digits, dots, hyphens or underscores",
                hint: "shorten the name so that it still differs from those of the other processes"
            )
        }
        self.addresses = parsed
        self.transport = transport
        self.tls = tls
        self.configuration = configuration
        self.time = time
        self.logger = logger
        failover = Mutex(
            Failover(rotation: AddressRotation(count: parsed.count), certificate: transport.certificateSHA256)
        )
    }

    /// The own certificate in use: what new tokens are bound to. Its serial and expiry are for logs and metrics.
    public var certificate: Certificate { transport.certificate }

    /// How far the issuer's clock is ahead of ours, by its last answer: negative when it is behind, zero when the two may agree.
    /// `nil` before the first answer with a date.
    public var clockSkew: Duration? { clock.withLock { $0.skew } }

    var certificateSHA256: SHA256Digest { transport.certificateSHA256 }

    /// Whether the next connection will be made with this certificate. Takes no lock when the files are ours to look after.
    func isInUse(_ certificate: SHA256Digest, generation: UInt64?) -> Bool {
        if let tls, let generation { return tls.changes.number == generation }
        return transport.certificateSHA256 == certificate
    }

    /// The generation of the TLS material to which this certificate belongs; `nil` when it is not in use or there is none.
    func generation(of certificate: SHA256Digest) -> UInt64? {
        // In this order: material that is replaced in between makes the number too old, which only costs a longer look.
        guard let generation = tls?.changes.number, transport.certificateSHA256 == certificate else { return nil }
        return generation
    }
}

extension IssuerClient: Service {
    /// Takes over certificate, key and CA when their files change, until shutdown. A bad certificate or key
    /// changes nothing of the own identity; what cannot be taken over is logged.
    public func run() async throws {
        guard let tls else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown {
            await tls.watch(every: self.configuration.watchInterval, clock: self.time.wallClock) { self.log($0) }
        }
    }

    private func log(_ outcome: ReloadableTLS.Outcome) {
        switch outcome {
        case .unchanged:
            logger.info("certificate files are in order again")
        case .replaced(let material):
            logger.info(
                "certificate renewed",
                metadata: [
                    "serial": "\(material.certificate.serialHex)", "not_after": "\(material.certificate.notAfter)",
                ]
            )
        case .failed(let error):
            logger.error("certificate files not taken over", metadata: ["code": "\(error.code)", "error": "\(error)"])
        }
    }
}
