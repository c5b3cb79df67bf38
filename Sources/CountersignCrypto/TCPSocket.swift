#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A TCP connection whose every wait has an end. Reading and writing do not wait.
struct TCPSocket: ~Copyable {
    let descriptor: Int32

    /// Connects to a numeric address; no name is looked up.
    ///
    /// - Parameter timeout: whole seconds for the connection.
    static func connect(to address: String, port: Int, timeout: Int) throws(TLSClientError) -> TCPSocket {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        #if canImport(Glibc)
            unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            unsafe hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        defer { unsafe freeaddrinfo(list) }
        guard unsafe getaddrinfo(address, "\(port)", &hints, &list) == 0, let target = unsafe list?.pointee else {
            throw TLSClientError(.unreachable, "\(address) is not a numeric address")
        }
        let opened = unsafe socket(target.ai_family, target.ai_socktype, target.ai_protocol)
        guard opened >= 0 else { throw TLSClientError(system: errno) }
        let connection = TCPSocket(adopting: opened)
        var limit = timeval()
        limit.tv_sec = timeout
        guard unsafe setsockopt(opened, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size)) == 0 else {
            throw TLSClientError(system: errno)
        }
        var isOn: Int32 = 1
        _ = unsafe setsockopt(opened, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
        #if canImport(Glibc)
            let result = unsafe Glibc.connect(opened, target.ai_addr, target.ai_addrlen)
        #elseif canImport(Musl)
            let result = unsafe Musl.connect(opened, target.ai_addr, target.ai_addrlen)
        #else
            let result = unsafe Darwin.connect(opened, target.ai_addr, target.ai_addrlen)
        #endif
        guard result == 0 else { throw TLSClientError(system: errno) }
        // A time that is set for the socket begins anew with each byte.
        guard fcntl(opened, F_SETFL, fcntl(opened, F_GETFL) | O_NONBLOCK) == 0 else { throw TLSClientError(system: errno) }
        return connection
    }

    /// Waits until it can be read from, or written to.
    ///
    /// - Parameter events: `POLLIN` or `POLLOUT`.
    func wait(for events: some BinaryInteger, until deadline: ContinuousClock.Instant) throws(TLSClientError) {
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { throw .timedOut }
            var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            // Rounded up, so that it does not spin through the last millisecond; a longer wait begins again.
            let result = unsafe poll(&entry, 1, Int32(min(left / .milliseconds(1), 60_000).rounded(.up)))
            if result > 0 { return }
            guard result == 0 || errno == EINTR else { throw TLSClientError(system: errno) }
        }
    }

    private init(adopting descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        _ = close(descriptor)
    }
}
