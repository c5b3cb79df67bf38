internal import COpenSSL

/// A TLS handshake without a network, to tell what it costs the server at least.
@safe
package struct TLSMemoryHandshake: ~Copyable {
    private let client: OpaquePointer
    private let server: OpaquePointer

    package struct Outcome: Sendable {
        /// What the server's side took of the time: its part of the key agreement, its signature, the verification of the client's
        /// signature and certificate; of a resumed handshake the key agreement alone. Nothing of the client's side.
        package var serverTime: Duration
        package var isResumed: Bool
        package var session: TLSSession?
    }

    /// Runs one. Costs what both sides cost.
    ///
    /// - Parameters:
    ///   - session: of an earlier handshake between the same two, to be resumed.
    ///   - clock: the time that has passed since any fixed moment.
    package static func run(
        client: TLSContext, server: TLSContext, resuming session: TLSSession? = nil, clock: () -> Duration
    ) throws(CryptoError) -> Outcome {
        try join(client, server).run(session, clock)
    }

    private init(adopting client: OpaquePointer, _ server: OpaquePointer) {
        unsafe self.client = client
        unsafe self.server = server
    }

    private static func join(_ client: TLSContext, _ server: TLSContext) throws(CryptoError) -> TLSMemoryHandshake {
        let client = try client.makeConnection()
        let ends: TLSMemoryHandshake
        do {
            ends = unsafe TLSMemoryHandshake(adopting: client, try server.makeConnection())
        } catch {
            unsafe SSL_free(client)
            throw error
        }
        var (near, far): (OpaquePointer?, OpaquePointer?)
        try OpenSSL.check("out of memory") { unsafe BIO_new_bio_pair(&near, 0, &far, 0) }
        // The connections own the two ends from here on.
        unsafe SSL_set_bio(ends.client, near, near)
        unsafe SSL_set_bio(ends.server, far, far)
        unsafe SSL_set_connect_state(ends.client)
        unsafe SSL_set_accept_state(ends.server)
        return ends
    }

    deinit {
        unsafe SSL_free(client)
        unsafe SSL_free(server)
    }

    private func run(_ session: TLSSession?, _ clock: () -> Duration) throws(CryptoError) -> Outcome {
        if let session, unsafe !session.offer(on: client) { throw OpenSSL.failure(.operationFailed, "no session to resume") }
        var serverTime = Duration.zero
        // Three flights, whatever the version; a handshake that goes on for longer does not come to an end.
        for _ in 0..<8 {
            let isClientDone = try unsafe step(client)
            let began = clock()
            let isServerDone = try unsafe step(server)
            serverTime += clock() - began
            guard isClientDone, isServerDone else { continue }
            var byte: UInt8 = 0
            // There is nothing to read but the session.
            _ = unsafe SSL_read(client, &byte, 1)
            OpenSSL.clear()
            // A connection that is given up without a goodbye takes its session with it.
            unsafe SSL_set_shutdown(client, SSL_SENT_SHUTDOWN)
            let isResumed = unsafe SSL_session_reused(client) == 1
            return unsafe Outcome(serverTime: serverTime, isResumed: isResumed, session: TLSSession(of: client))
        }
        throw CryptoError(.operationFailed, "the handshake does not come to an end")
    }

    private func step(_ end: OpaquePointer) throws(CryptoError) -> Bool {
        OpenSSL.clear()
        let result = unsafe SSL_do_handshake(end)
        if result == 1 { return true }
        guard unsafe SSL_get_error(end, result) == SSL_ERROR_WANT_READ else {
            throw OpenSSL.failure(.operationFailed, "the handshake failed")
        }
        return false
    }
}
