internal import AsyncHTTPClient
public import CountersignCrypto
public import CountersignTLS
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// Requests over mutual TLS by AsyncHTTPClient: HTTP/1.1, the issuer's chain and host name verified against our CA alone, our
/// certificate presented, no redirect followed, connections kept for a minute.
///
/// For new TLS material a new client is made whole; the old one is closed when the last request on it is done.
public final class MutualTLSTransport: IssuerTransport {
    private let material: @Sendable () -> TLSMaterial
    private let wallClock: @Sendable () -> Timestamp
    private let pinnedKeys: Set<KeyPin>
    private let connectTimeout: Duration
    private let connections: Mutex<Connections>

    /// - Parameters:
    ///   - wallClock: only for the words of an error: whether our certificate has expired.
    ///   - pinnedKeys: the keys that the issuer's certificate may have, besides being good; any when empty.
    ///   - connectTimeout: for one attempt to connect, with its handshake. Goes on when the request that began it was given up, and
    ///     those that come meanwhile wait for it, so it should be no longer than a request may take.
    ///   - material: what is in use now, loaded for `TLSMaterial.Role.client`. Called for every use of a token; must be cheap.
    public init(
        wallClock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        pinnedKeys: Set<KeyPin> = [],
        connectTimeout: Duration = .seconds(5),
        material: @escaping @Sendable () -> TLSMaterial
    ) {
        self.material = material
        self.wallClock = wallClock
        self.pinnedKeys = pinnedKeys
        self.connectTimeout = connectTimeout
        connections = Mutex(Connections(material(), pinnedKeys: pinnedKeys, connectTimeout: connectTimeout))
    }

    public var certificate: Certificate { material().certificate }

    public var certificateSHA256: SHA256Digest { material().certificate.sha256 }

    public func send(_ request: IssuerRequest) async throws(TokenError) -> IssuerAnswer {
        let connections = currentConnections()
        do {
            let response = try await connections.client.execute(Self.message(request), deadline: .distantFuture)
            let body = try await response.body.collect(upTo: request.maxAnswerBytes)
            return IssuerAnswer(
                status: Int(response.status.code),
                headers: response.headers.map { (name: $0.name, value: $0.value) },
                body: Array(body.readableBytesView),
                certificate: connections.material.certificate
            )
        } catch {
            let failure = TransportFailure(url: request.url, certificate: connections.material.certificate, now: wallClock())
            throw failure.reading(error)
        }
    }

    private func currentConnections() -> Connections {
        let material = material()
        return connections.withLock { connections in
            if connections.material !== material {
                connections = Connections(material, pinnedKeys: pinnedKeys, connectTimeout: connectTimeout)
            }
            return connections
        }
    }

    private static func message(_ request: IssuerRequest) -> HTTPClientRequest {
        var message = HTTPClientRequest(url: request.url)
        message.method = HTTPMethod(rawValue: request.method.rawValue)
        message.headers = HTTPHeaders(request.headers.map { ($0.name, $0.value) })
        if request.method == .post { message.body = .bytes(request.body, length: .known(Int64(request.body.count))) }
        return message
    }
}

/// The connections made with one set of TLS material. Every request in progress holds on to them; they are closed when the last
/// of these is done and no new one can come.
private final class Connections: Sendable {
    let material: TLSMaterial
    let client: HTTPClient

    init(_ material: TLSMaterial, pinnedKeys: Set<KeyPin>, connectTimeout: Duration) {
        self.material = material
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: material.configuration,
            redirectConfiguration: .disallow,
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = TimeAmount(connectTimeout)
        // Failures are told at once: whether and when to try again is decided by those who know the other addresses.
        configuration.connectionPool.retryConnectionEstablishment = false
        if !pinnedKeys.isEmpty {
            // Runs when the handshake is complete and before there is a request: a connection that fails here carries none.
            configuration.http1_1ConnectionDebugInitializer = { PinnedKeyCheck(pinnedKeys).run(on: $0) }
        }
        client = HTTPClient(configuration: configuration)
    }

    deinit {
        // Closes in the background; the client keeps itself alive until it is done.
        client.shutdown { _ in }
    }
}
