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
    /// How long a connection may stay without a request.
    public var idleTimeout: Duration
    /// Request target and header fields together, names and values; beyond it the answer is 431. Over HTTP/2 a header more
    /// than 48 KiB beyond it, counted as in RFC 9113 6.5.2, is not read at all and ends the connection.
    public var maxHeaderBytes: Int
    /// When a connection is asked to end after the request in hand, so that no client stays with a server for ever.
    public var maxConnectionAge: Duration
    /// How long a connection that was asked to end may take for it; then it is cut.
    public var drainTimeout: Duration
    /// The time certificates are judged at when a connection is opened.
    public var clock: @Sendable () -> Timestamp
    /// Told of every connection that was not accepted, once each, on the connection's event loop: it must not block.
    public var onRefusal: @Sendable (HandshakeRefusal) -> Void

    public init(
        handshakeTimeout: Duration = .seconds(10),
        headerTimeout: Duration = .seconds(10),
        bodyTimeout: Duration = .seconds(10),
        idleTimeout: Duration = .seconds(70),
        maxHeaderBytes: Int = 16 * 1024,
        maxConnectionAge: Duration = .seconds(3600),
        drainTimeout: Duration = .seconds(15),
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        onRefusal: @escaping @Sendable (HandshakeRefusal) -> Void = { _ in }
    ) {
        self.handshakeTimeout = handshakeTimeout
        self.headerTimeout = headerTimeout
        self.bodyTimeout = bodyTimeout
        self.idleTimeout = idleTimeout
        self.maxHeaderBytes = maxHeaderBytes
        self.maxConnectionAge = maxConnectionAge
        self.drainTimeout = drainTimeout
        self.clock = clock
        self.onRefusal = onRefusal
    }
}
