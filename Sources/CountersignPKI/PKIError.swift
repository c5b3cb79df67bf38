/// Why the certificate authority on disk did not do what it was asked.
///
/// Two errors are equal when their codes are; the message is for people, names the file, and never holds key material.
public struct PKIError: Error, Sendable {
    /// What kind of thing went wrong. More codes may be added; compare, do not switch exhaustively.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        /// A service name, trust domain, DNS name or number of days that cannot be used.
        public static let invalidName = Code(rawValue: "invalid-name")
        /// There is an authority in the directory already, or a part of one.
        public static let alreadyInitialised = Code(rawValue: "already-initialised")
        /// There is no authority in the directory.
        public static let notInitialised = Code(rawValue: "not-initialised")
        /// A file is there and is not what it should be.
        public static let malformed = Code(rawValue: "malformed")
        /// A private key that others may read.
        public static let permissions = Code(rawValue: "permissions")
        /// An authority's private key is not in the directory, or not the one of its certificate.
        public static let keyUnavailable = Code(rawValue: "key-unavailable")
        /// The authority that would sign has expired, is not yet valid, or is revoked itself.
        public static let authorityUnfit = Code(rawValue: "authority-unfit")
        /// No certificate to revoke by that name or number.
        public static let unknownCertificate = Code(rawValue: "unknown-certificate")
        /// Another command has been writing in the directory for too long.
        public static let busy = Code(rawValue: "busy")
        /// The system refused to read or write a file.
        public static let fileSystem = Code(rawValue: "file-system")
        /// OpenSSL could not do what was asked.
        public static let operationFailed = Code(rawValue: "operation-failed")

        public var description: String { rawValue }
    }

    public let code: Code
    /// One sentence without a final stop.
    public let message: String
    /// What to do about it, where there is something.
    public let hint: String?

    public init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }
}

extension PKIError: Equatable {
    public static func == (left: PKIError, right: PKIError) -> Bool { left.code == right.code }
}

extension PKIError: CustomStringConvertible {
    public var description: String { message }
}
