public import CountersignCrypto
public import CountersignTLS

/// Bounds of a server that speaks HTTP over mutual TLS. Every connection costs memory for as long as it may stay, so nothing
/// a client can drag out is without an end.
public struct MutualTLSServerConfiguration: Sendable {
    /// From the accepted connection to the completed handshake.
    public var handshakeTimeout: Duration
    /// HTTP/1: from the first byte of a request to the end of its header.
    public var headerTimeout: Duration
    /// From the end of a request's header to the end of its body.
    public var bodyTimeout: Duration
    /// How long a connection may stay without a request, or its client without taking any of what it is sent. Over HTTP/2 also
    /// how long an answer that is complete may wait for the client to give it room; then its stream is reset.
    public var idleTimeout: Duration
    /// Request target and header fields together, names and values; beyond it the answer is 431. Over HTTP/2 a header more
    /// than 48 KiB beyond it, counted as in RFC 9113 6.5.2, is not read at all and ends the connection.
    public var maxHeaderBytes: Int
    /// When a connection is asked to end after the request in hand, so that no client stays with a server for ever.
    public var maxConnectionAge: Duration
    /// How long a connection that was asked to end may take for it; then it is cut.
    public var drainTimeout: Duration
    /// How many requests of one event loop may wait for the server at a time: read to their end, and not answered. Beyond it
    /// a request is answered 503 with `Retry-After: 1` at once, before anything of it reaches the application; the connection
    /// goes on. One caller alone gets half of it, and when it is more than half full no caller gets more than its share, so
    /// that one that floods the server leaves half to the others. A request whose body does not come counts for half a second
    /// at most, and one whose client does not read, or has gone, not at all. At least 1.
    ///
    /// With handlers that compute, the longest wait is about this number times what one of them takes, twice. It is no bound on
    /// handlers that wait for others: one that runs on for a client that has gone, or without the body it does not need, does
    /// not count.
    public var maxRequestsInProgress: Int
    /// Open connections of one remote address; IPv6 addresses count by their first 64 bits. Beyond it a connection is closed
    /// before any TLS, with `too-many-connections` for ``onRefusal``, at most once a second for each address. `nil` for no
    /// bound, which is right behind a proxy that passes TCP through: there all clients have the proxy's address.
    public var maxConnectionsPerAddress: Int?
    /// Who a client counts as in ``maxRequestsInProgress``. Called once for each connection, on its event loop. Clients that it
    /// gives one name share one share.
    public var callerKey: @Sendable (Peer) -> String
    /// The time certificates are judged at when a connection is opened.
    public var clock: @Sendable () -> Timestamp
    /// Told of every connection that was not accepted, once each, on the connection's event loop: it must not block.
    public var onRefusal: @Sendable (HandshakeRefusal) -> Void
    /// Told when requests were answered 503 because of ``maxRequestsInProgress``, at most once a second for each event loop, on
    /// that event loop: it must not block.
    public var onOverload: @Sendable (OverloadNotice) -> Void

    public init(
        handshakeTimeout: Duration = .seconds(10),
        headerTimeout: Duration = .seconds(10),
        bodyTimeout: Duration = .seconds(10),
        idleTimeout: Duration = .seconds(70),
        maxHeaderBytes: Int = 16 * 1024,
        maxConnectionAge: Duration = .seconds(3600),
        drainTimeout: Duration = .seconds(15),
        maxRequestsInProgress: Int = 1000,
        maxConnectionsPerAddress: Int? = nil,
        callerKey: @escaping @Sendable (Peer) -> String = Self.name(of:),
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        onRefusal: @escaping @Sendable (HandshakeRefusal) -> Void = { _ in },
        onOverload: @escaping @Sendable (OverloadNotice) -> Void = { _ in }
    ) {
        self.handshakeTimeout = handshakeTimeout
        self.headerTimeout = headerTimeout
        self.bodyTimeout = bodyTimeout
        self.idleTimeout = idleTimeout
        self.maxHeaderBytes = maxHeaderBytes
        self.maxConnectionAge = maxConnectionAge
        self.drainTimeout = drainTimeout
        self.maxRequestsInProgress = max(1, maxRequestsInProgress)
        self.maxConnectionsPerAddress = maxConnectionsPerAddress
        self.callerKey = callerKey
        self.clock = clock
        self.onRefusal = onRefusal
        self.onOverload = onOverload
    }

    /// The SPIFFE ID of a client's certificate, or its subject if it has none.
    public static func name(of peer: Peer) -> String {
        peer.certificate.spiffeID.map { "\($0)" } ?? "\(peer.certificate.subject)"
    }
}
