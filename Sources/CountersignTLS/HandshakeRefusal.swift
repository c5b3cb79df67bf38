public import CountersignCrypto

/// Why a connection was not accepted, for the log. The peer learns no more than a TLS alert.
public struct HandshakeRefusal: Sendable {
    /// A stable reason in kebab-case: those of ``PathFailure``, and those below.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The client presented no certificate.
        public static let noCertificate = Code(rawValue: "no-certificate")
        /// What the client presented is not a certificate, or too many.
        public static let certificateMalformed = Code(rawValue: "certificate-malformed")
        /// The handshake was not complete in time.
        public static let timeout = Code(rawValue: "handshake-timeout")
        /// The first bytes were not TLS.
        public static let notTLS = Code(rawValue: "not-tls")
        /// The client closed the connection before the handshake was complete.
        public static let aborted = Code(rawValue: "handshake-aborted")
        /// The server is stopping.
        public static let stopping = Code(rawValue: "server-stopping")
        /// The client's address has as many open connections as it may.
        public static let tooManyConnections = Code(rawValue: "too-many-connections")
        /// Anything else the TLS library refused, a client that does not trust our certificate among it.
        public static let failed = Code(rawValue: "handshake-failed")

        public var description: String { rawValue }
    }

    public let code: Code
    /// One plain sentence without a final stop.
    public let message: String
    /// The leaf certificate that was refused.
    public let certificate: Certificate?
    /// Address and port of the client; with ``Code/tooManyConnections`` the address, or the first 64 bits of it, alone.
    public let remoteAddress: String?
    /// The client's IP address alone.
    package let remoteIP: String?
}

extension HandshakeRefusal {
    /// - Parameter refused: How many connections were refused for this since it was last told.
    package static func tooManyConnections(from address: String, limit: Int, refused: Int) -> HandshakeRefusal {
        HandshakeRefusal(
            code: .tooManyConnections,
            message: "the address has \(limit) open connections, as many as it may; refused since the last line: \(refused)",
            certificate: nil, remoteAddress: address, remoteIP: nil
        )
    }
}

extension HandshakeRefusal: CustomStringConvertible {
    /// `certificate-revoked subject=CN=... remote=...: message`
    public var description: String {
        var text = code.rawValue
        if let certificate { text += " subject=\(certificate.subject) serial=\(certificate.serialHex)" }
        if let remoteAddress { text += " remote=\(remoteAddress)" }
        return text + ": " + message
    }
}

extension HandshakeRefusal {
    /// The TLS library tells its reasons only in words; these few are worth telling apart in a log.
    static func reason(for error: any Error) -> (Code, String) {
        let words = "\(error)"
        if words.contains("PEER_DID_NOT_RETURN_A_CERTIFICATE") {
            return (.noCertificate, "the client presented no certificate")
        }
        if words.contains("HTTP_REQUEST") || words.contains("HTTPS_PROXY_REQUEST") {
            return (.notTLS, "the client spoke plain HTTP")
        }
        if words.contains("WRONG_VERSION_NUMBER") {
            return (.notTLS, "the client did not speak TLS")
        }
        if words.contains("EOF during handshake") {
            return (.aborted, "the client closed the connection during the handshake")
        }
        return (.failed, "the TLS handshake failed: " + ErrorWords.reason(error))
    }
}
