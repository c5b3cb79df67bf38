/// Why no token is given: what the caller is told, and what the log says. Equality is the reason.
public struct TokenRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// The stable reason code: one of these, of ``ServiceRefusal/Code``, or of the certificate checks.
    public struct Reason: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        public var description: String { rawValue }

        /// The connection has no client certificate.
        public static let noCertificate = Reason(rawValue: "no-certificate")
        /// The body is no form, repeats a parameter, lacks one, or holds one that cannot be read.
        public static let requestMalformed = Reason(rawValue: "request-malformed")
        /// The request authenticates in a second way beside the certificate.
        public static let requestAuthentication = Reason(rawValue: "request-authentication")
        /// The grant type is not `client_credentials`.
        public static let grantUnsupported = Reason(rawValue: "grant-unsupported")
        /// `client_id` names another service.
        public static let clientMismatch = Reason(rawValue: "client-mismatch")
        /// The service has no audiences at all.
        public static let serviceReceivesOnly = Reason(rawValue: "service-receives-only")
        /// The service may not ask for tokens for this audience, or there is none of that name; which of them is not told.
        public static let audienceNotGranted = Reason(rawValue: "audience-not-granted")
        /// A scope was asked for that is not granted.
        public static let scopeNotGranted = Reason(rawValue: "scope-not-granted")
        /// The certificate expires too soon for a token that lives at least a second.
        public static let certificateExpiring = Reason(rawValue: "certificate-expiring")
        /// The service is denied.
        public static let serviceDenied = Reason(rawValue: "service-denied")
        /// The certificate is denied, by its serial number or its key.
        public static let certificateDenied = Reason(rawValue: "certificate-denied")
        /// The service has had as many tokens as its rate allows.
        public static let rateLimited = Reason(rawValue: "rate-limited")
        /// No key can sign.
        public static let keysUnavailable = Reason(rawValue: "keys-unavailable")
        /// A check or the signature could not be carried out.
        public static let checkFailed = Reason(rawValue: "check-failed")
    }

    public let reason: Reason
    /// What the caller is told.
    public let error: OAuthError
    /// What the log says; may hold names of our own configuration, nothing that the peer sent.
    public let message: String

    init(_ reason: Reason, _ error: OAuthError, log message: String? = nil) {
        self.reason = reason
        self.error = error
        self.message = message ?? error.message
    }

    public var description: String { "\(reason): \(message)" }

    public static func == (left: TokenRefusal, right: TokenRefusal) -> Bool {
        left.reason == right.reason
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(reason)
    }
}
