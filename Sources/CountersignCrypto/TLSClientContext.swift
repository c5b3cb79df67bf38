internal import COpenSSL

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The client's end of mutual TLS by OpenSSL: TLS 1.2 or newer, the server's certificate always verified.
///
/// The product's own connections are NIOSSL's. This is for measuring: NIOSSL's clients cannot resume a session. Made once and
/// used for many connections; it keeps no sessions, and begins no connection with one that it was not given.
@safe
package final class TLSClientContext: Sendable {
    // Not changed after init; OpenSSL counts references atomically and locks what it changes itself.
    private nonisolated(unsafe) let pointer: OpaquePointer

    /// In the order in which the product's own connections offer them: servers choose by it, and what is chosen is a part of what a
    /// handshake costs. OpenSSL by itself would begin with AES-256.
    private static let cipherSuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

    private init(adopting pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    /// From then on the process ignores SIGPIPE: OpenSSL writes to a socket in a way that raises it.
    ///
    /// - Parameters:
    ///   - chain: the own certificate, then the intermediates to send with it.
    ///   - anchors: the authorities that the server's certificate must lead to. Revocation lists are not looked at.
    package convenience init(chain: [Certificate], key: PrivateKey, anchors: [Certificate]) throws(CryptoError) {
        let pointer = try OpenSSL.make("out of memory") { unsafe SSL_CTX_new(TLS_client_method()) }
        unsafe self.init(adopting: pointer)
        _ = signal(SIGPIPE, SIG_IGN)
        guard let certificate = chain.first else { throw CryptoError(.malformedCertificate, "there is no certificate") }
        try OpenSSL.check("could not require TLS 1.2") { unsafe countersign_tls_require_12(pointer) }
        try OpenSSL.check("could not choose cipher suites") { unsafe SSL_CTX_set_ciphersuites(pointer, Self.cipherSuites) }
        try OpenSSL.check(.malformedCertificate, "TLS does not take the certificate of \(certificate.subject)") {
            certificate.handle.withPointer { x509 in unsafe SSL_CTX_use_certificate(pointer, x509) }
        }
        try OpenSSL.check(.malformedKey, "TLS does not take the private key") {
            key.handle.withPointer { key in unsafe SSL_CTX_use_PrivateKey(pointer, key) }
        }
        for intermediate in chain.dropFirst() {
            try OpenSSL.check(.malformedCertificate, "TLS does not take the certificate of \(intermediate.subject)") {
                intermediate.handle.withPointer { x509 in unsafe countersign_tls_add_intermediate(pointer, x509) }
            }
        }
        try TrustStoreHandle(anchors: anchors, revocationLists: nil).withPointer { store in
            unsafe SSL_CTX_set1_cert_store(pointer, store)
        }
        unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        unsafe countersign_tls_cache_off(pointer)
        // That an answer is whole is known by its length, not by how the connection ends.
        unsafe countersign_tls_allow_plain_end(pointer)
    }

    deinit {
        unsafe SSL_CTX_free(pointer)
    }

    /// A connection in the making, which the caller owns.
    @safe
    func makeConnection() throws(CryptoError) -> OpaquePointer {
        defer { withExtendedLifetime(self) {} }
        return try OpenSSL.make("out of memory") { unsafe SSL_new(pointer) }
    }
}

/// What a client remembers of a connection to shorten the handshake of the next (RFC 8446 section 2.2).
@safe
package final class TLSSession: Sendable {
    // Not changed after it is adopted; OpenSSL counts references atomically.
    private nonisolated(unsafe) let pointer: OpaquePointer

    /// The session of a connection, if the other end allowed it to be resumed. With TLS 1.3 it says so after the handshake: ask
    /// after something was read.
    init?(of connection: OpaquePointer) {
        guard let session = unsafe SSL_get1_session(connection) else { return nil }
        unsafe pointer = session
        guard unsafe SSL_SESSION_is_resumable(session) == 1 else { return nil }
    }

    deinit {
        unsafe SSL_SESSION_free(pointer)
    }

    @safe
    func offer(on connection: OpaquePointer) -> Bool {
        defer { withExtendedLifetime(self) {} }
        return unsafe SSL_set_session(connection, pointer) == 1
    }
}
