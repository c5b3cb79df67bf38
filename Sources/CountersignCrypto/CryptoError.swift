/// A key, certificate, name or list that cannot be used, or an operation that could not be carried out.
///
/// A refusal is never reported this way: "the signature does not match" and "the chain is not trusted" are results.
/// Two errors are equal when their codes are; the message is for people and never holds key material.
public struct CryptoError: Error, Sendable {
    /// What kind of thing went wrong. More codes may be added; compare, do not switch exhaustively.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        /// Bytes that are not a key, or not in a form this function reads.
        public static let malformedKey = Code(rawValue: "malformed-key")
        /// A key of a kind that cannot be used here, such as an EC key where RSA is required.
        public static let unsupportedKey = Code(rawValue: "unsupported-key")
        /// An RSA key outside 2048 to 8192 bits or with a public exponent other than 65537.
        public static let weakKey = Code(rawValue: "weak-key")
        /// An encrypted key without its passphrase, or with a wrong one.
        public static let wrongPassphrase = Code(rawValue: "wrong-passphrase")
        /// A private key that does not belong to the certificate beside it.
        public static let keyMismatch = Code(rawValue: "key-mismatch")
        /// Bytes that are not exactly one certificate.
        public static let malformedCertificate = Code(rawValue: "malformed-certificate")
        /// A distinguished name, SPIFFE ID or alternative name that cannot be read.
        public static let malformedName = Code(rawValue: "malformed-name")
        /// Bytes that are not exactly one certificate revocation list, or one without `nextUpdate`.
        public static let malformedRevocationList = Code(rawValue: "malformed-revocation-list")
        /// Text without the PEM block that was looked for, or with too many.
        public static let malformedPEM = Code(rawValue: "malformed-pem")
        /// OpenSSL could not do what was asked; the message carries its words.
        public static let operationFailed = Code(rawValue: "operation-failed")

        public var description: String { rawValue }
    }

    public let code: Code
    /// One plain sentence without a final stop.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension CryptoError: Equatable {
    public static func == (left: CryptoError, right: CryptoError) -> Bool { left.code == right.code }
}

extension CryptoError: CustomStringConvertible {
    public var description: String { message }
}
