internal import COpenSSL

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// One blocking connection over mutual TLS by OpenSSL, used by one thread.
///
/// It blocks: never on an event loop or in a task. The server's chain and its name, or its address, are always verified.
@safe
package struct TLSClientConnection: ~Copyable {
    /// Where to, and who has to be there.
    package struct Target: Sendable {
        /// IPv4 or IPv6, numeric.
        package var address: String
        package var port: Int
        /// The host name that the server's certificate must have; `nil` for its address.
        package var name: String?

        package init(address: String, port: Int, name: String?) {
            self.address = address
            self.port = port
            self.name = name
        }
    }

    private let pointer: OpaquePointer
    private let socket: TCPSocket
    /// For each operation as a whole, however many bytes come one by one.
    private let timeout: Duration

    private init(adopting pointer: OpaquePointer, _ socket: consuming TCPSocket, timeout: Duration) {
        unsafe self.pointer = pointer
        self.socket = socket
        self.timeout = timeout
    }

    /// Connects and completes the handshake on this side. With TLS 1.3 the server may still refuse our certificate: that shows when
    /// something is read.
    ///
    /// - Parameters:
    ///   - session: offered to be resumed; without one the handshake is full.
    ///   - timeout: whole seconds, for this and for each thing that is sent or received later, from its beginning to its end.
    package static func open(
        _ context: TLSClientContext, to target: Target, resuming session: TLSSession? = nil, timeout: Int
    ) throws(TLSClientError) -> TLSClientConnection {
        let deadline = ContinuousClock.now + .seconds(timeout)
        let socket = try TCPSocket.connect(to: target.address, port: target.port, timeout: timeout)
        let descriptor = socket.descriptor
        let connection: TLSClientConnection
        do {
            connection = unsafe TLSClientConnection(adopting: try context.makeConnection(), socket, timeout: .seconds(timeout))
        } catch {
            throw TLSClientError(.tls, error.message)
        }
        let pointer = unsafe connection.pointer
        let isPrepared = unsafe prepare(pointer, target) && SSL_set_fd(pointer, descriptor) == 1
        guard isPrepared, session?.offer(on: pointer) ?? true else {
            throw TLSClientError(.tls, OpenSSL.failure(.operationFailed, "the connection could not be prepared").message)
        }
        try connection.check(until: deadline) { unsafe SSL_connect(pointer) }
        return connection
    }

    private static func prepare(_ pointer: OpaquePointer, _ target: Target) -> Bool {
        guard let name = target.name else {
            return unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(pointer), target.address) == 1
        }
        // The common name is no name of a host.
        unsafe SSL_set_hostflags(pointer, UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        return unsafe SSL_set1_host(pointer, name) == 1 && countersign_tls_set_server_name(pointer, name) == 1
    }

    /// Whether the handshake was a short one.
    package var isResumed: Bool { unsafe SSL_session_reused(pointer) == 1 }

    /// To resume the next connection with.
    package var session: TLSSession? { unsafe TLSSession(of: pointer) }

    package func send(_ bytes: [UInt8]) throws(TLSClientError) {
        guard let count = Int32(exactly: bytes.count), count > 0 else { return }
        try check(until: .now + timeout) { unsafe bytes.withUnsafeBytes { unsafe SSL_write(pointer, $0.baseAddress, count) } }
    }

    /// What comes next, at most 16 KiB of it; empty at the end.
    package func receive() throws(TLSClientError) -> [UInt8] {
        var received = 0
        var bytes = [UInt8](repeating: 0, count: 16 * 1024)
        do throws(TLSClientError) {
            try check(until: .now + timeout) {
                let result = unsafe bytes.withUnsafeMutableBytes { unsafe SSL_read(pointer, $0.baseAddress, Int32($0.count)) }
                received = max(0, Int(result))
                return result
            }
        } catch .closed {
            return []
        }
        bytes.removeLast(bytes.count - received)
        return bytes
    }

    /// Says goodbye. To be left out after an error.
    package consuming func close() {
        _ = unsafe SSL_shutdown(pointer)
        OpenSSL.clear()
    }

    deinit {
        unsafe SSL_free(pointer)
    }

    /// Calls again whenever the socket is ready for it, until it is done or its time is over.
    private func check(until deadline: ContinuousClock.Instant, _ call: () -> Int32) throws(TLSClientError) {
        while true {
            OpenSSL.clear()
            errno = 0
            let result = call()
            let number = errno
            switch unsafe SSL_get_error(pointer, result) {
            case SSL_ERROR_NONE: return
            case SSL_ERROR_ZERO_RETURN: throw .closed
            case SSL_ERROR_WANT_READ: try socket.wait(for: POLLIN, until: deadline)
            case SSL_ERROR_WANT_WRITE: try socket.wait(for: POLLOUT, until: deadline)
            case SSL_ERROR_SYSCALL:
                OpenSSL.clear()
                throw TLSClientError(system: number)
            default: throw TLSClientError(.tls, OpenSSL.failure(.operationFailed, "TLS failed").message)
            }
        }
    }
}
