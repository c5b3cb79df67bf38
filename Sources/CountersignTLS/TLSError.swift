/// TLS material that cannot be used: a file that is missing, malformed, or does not fit the others.
///
/// Two errors are equal when their codes are. The message names the file or variable; ``hint`` says what to do where there
/// is something to do. Neither holds key material.
public struct TLSError: Error, Sendable {
    /// What kind of thing is wrong. More codes may be added; compare, do not switch exhaustively.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        /// A file or environment variable that does not exist, or is empty.
        public static let sourceMissing = Code(rawValue: "source-missing")
        /// A file that exists and cannot be read, or is not a regular file.
        public static let sourceUnreadable = Code(rawValue: "source-unreadable")
        /// More than ``PEMSource/maxBytes``.
        public static let sourceTooLarge = Code(rawValue: "source-too-large")
        /// A private key or passphrase file that others than its owner may read.
        public static let keyPermissions = Code(rawValue: "key-permissions")
        /// The certificate file holds no certificate, or one that cannot be parsed.
        public static let malformedCertificate = Code(rawValue: "malformed-certificate")
        /// The key file holds no private key of a kind that can be used.
        public static let malformedKey = Code(rawValue: "malformed-key")
        /// The key is encrypted and its passphrase is missing or wrong.
        public static let wrongPassphrase = Code(rawValue: "wrong-passphrase")
        /// The key does not belong to the first certificate of the certificate file.
        public static let keyMismatch = Code(rawValue: "key-mismatch")
        public static let certificateExpired = Code(rawValue: "certificate-expired")
        public static let certificateNotYetValid = Code(rawValue: "certificate-not-yet-valid")
        /// The certificate may not be used for the part it is to play, or is a CA's.
        public static let certificatePurpose = Code(rawValue: "certificate-purpose")
        /// The certificate is good and does not name what it has to; see ``ReloadableTLS/init(_:role:at:accepting:)``.
        public static let certificateName = Code(rawValue: "certificate-name")
        /// The CA file holds no certificate, or one that cannot be an anchor of trust.
        public static let malformedCA = Code(rawValue: "malformed-ca")
        /// The CRL file holds no revocation list, or one that cannot be parsed.
        public static let malformedCRL = Code(rawValue: "malformed-crl")
        public static let crlExpired = Code(rawValue: "crl-expired")
        public static let crlNotYetValid = Code(rawValue: "crl-not-yet-valid")
        /// A revocation list that is not signed by its CA, or none for a CA that needs one.
        public static let crlInvalid = Code(rawValue: "crl-invalid")
        /// Everything was read and fits, and the TLS library still refuses it.
        public static let contextFailed = Code(rawValue: "context-failed")

        public var description: String { rawValue }
    }

    public let code: Code
    /// One plain sentence without a final stop, naming the file or variable.
    public let message: String
    /// What to do about it.
    public let hint: String?

    public init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }
}

extension TLSError: Equatable {
    public static func == (left: TLSError, right: TLSError) -> Bool { left.code == right.code }
}

extension TLSError: CustomStringConvertible {
    public var description: String { message }
}
