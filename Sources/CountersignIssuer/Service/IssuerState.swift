internal import CountersignCrypto
internal import CountersignJSON
internal import CountersignTLS
internal import Logging
internal import NIOCore
internal import Synchronization

/// What the issuer's parts share: certificates, keys and policy, each of which can be replaced while requests go on.
final class IssuerState: Sendable {
    let tls: ReloadableTLS
    let keys: SigningKeys
    let logger: Logger
    let clock: @Sendable () -> Timestamp
    /// By a clock that cannot be set.
    let elapsed: @Sendable () -> Duration
    let refusedRequests = RefusalLines()
    let refusedConnections = RefusalLines()

    private let current: Mutex<IssuerSnapshot>

    init(
        _ snapshot: IssuerSnapshot, tls: ReloadableTLS, keys: SigningKeys, logger: Logger,
        clock: @escaping @Sendable () -> Timestamp, elapsed: @escaping @Sendable () -> Duration
    ) {
        current = Mutex(snapshot)
        self.tls = tls
        self.keys = keys
        self.logger = logger
        self.clock = clock
        self.elapsed = elapsed
    }

    /// The configuration in force. Take it once per request: everything in it belongs together.
    var snapshot: IssuerSnapshot {
        current.withLock { $0 }
    }

    /// RFC 9110, section 15.5.2 wants a challenge with every 401; there is no scheme that stands for a client certificate.
    var challenge: String { "Bearer realm=\"\(snapshot.configuration.issuer)\"" }

    func replace(with snapshot: IssuerSnapshot) {
        current.withLock { $0 = snapshot }
    }
}

/// One configuration and what is made of it, once.
final class IssuerSnapshot: Sendable {
    let configuration: IssuerConfiguration
    let tokenIssuer: TokenIssuer
    let rates: RateLimits
    /// The metadata document.
    let metadata: ByteBuffer
    /// The `Cache-Control` field of the key set.
    let keySetCacheControl: String

    /// - Parameter old: The one in force until now, whose services keep what they have used up of their rates.
    /// - Throws: ``IssuerStartError`` when the metadata cannot be written, which no checked configuration makes happen.
    init(_ configuration: IssuerConfiguration, after old: IssuerSnapshot? = nil) throws(IssuerStartError) {
        self.configuration = configuration
        rates = RateLimits(configuration.policy.directory.services, keeping: old?.rates)
        tokenIssuer = TokenIssuer(configuration.policy)
        keySetCacheControl = "max-age=\(configuration.keys.maximumAge)"
        do {
            metadata = ByteBuffer(bytes: try PublishedAddresses.metadata(issuer: configuration.issuer))
        } catch {
            throw IssuerStartError(.configuration, "the metadata cannot be written: \(error.message)")
        }
    }
}
