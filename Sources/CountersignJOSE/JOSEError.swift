/// Why a token, a key or a key set was not accepted or not made. Equality is the code.
///
/// Messages say what is wrong in a sentence and never hold a token, a signature or key material.
public struct JOSEError: Error, Equatable, CustomStringConvertible {
    /// What went wrong. New codes may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code in kebab-case, as it appears in logs. Those of a token are reason codes of the verification.
        public let rawValue: String

        // A token's form.

        /// The token has more bytes than allowed.
        public static let tokenTooLarge = Code(rawValue: "token-too-large")
        /// Not three non-empty parts of canonical base64url.
        public static let tokenMalformed = Code(rawValue: "token-malformed")

        // A token's header, in the order in which they are reported.

        /// The header is not a JSON object, or has a member twice.
        public static let headerMalformed = Code(rawValue: "header-malformed")
        /// The header has `crit`.
        public static let headerCritical = Code(rawValue: "header-critical")
        /// `alg` is not exactly `RS256`.
        public static let headerAlgorithm = Code(rawValue: "header-algorithm")
        /// `typ` is not `at+jwt`.
        public static let headerType = Code(rawValue: "header-type")
        /// The header has a member besides `alg`, `kid` and `typ`.
        public static let headerUnexpected = Code(rawValue: "header-unexpected")
        /// `kid` is missing or cannot be the identifier of a key.
        public static let headerKeyID = Code(rawValue: "header-key-id")

        // A token's claims.

        /// The payload is not a JSON object, or has a member twice.
        public static let claimsMalformed = Code(rawValue: "claims-malformed")
        /// A required claim is missing; ``JOSEError/member`` names it.
        public static let claimMissing = Code(rawValue: "claim-missing")
        /// A claim has another type or a value out of range; ``JOSEError/member`` names it.
        public static let claimType = Code(rawValue: "claim-type")

        // Keys and key sets.

        /// A JSON Web Key lacks a member or has one of another type or form; ``JOSEError/member`` names it.
        public static let keyMalformed = Code(rawValue: "key-malformed")
        /// A JSON Web Key of another kind, use or algorithm.
        public static let keyUnsupported = Code(rawValue: "key-unsupported")
        /// An RSA key that is too short, too long or has another exponent than 65537.
        public static let keyWeak = Code(rawValue: "key-weak")
        /// A public key set or key has private members.
        public static let keyPrivate = Code(rawValue: "key-private")
        /// `kid` is not the key's thumbprint.
        public static let keyIDMismatch = Code(rawValue: "key-id-mismatch")
        /// A key set is not a JSON object with an array `keys` of objects, or is too large.
        public static let keySetMalformed = Code(rawValue: "key-set-malformed")
        /// A key set has the same key twice.
        public static let keySetDuplicate = Code(rawValue: "key-set-duplicate")
        /// A key set has more keys than allowed.
        public static let keySetTooLarge = Code(rawValue: "key-set-too-large")
        /// A key set has no key that can verify a token.
        public static let keySetEmpty = Code(rawValue: "key-set-empty")

        /// The cryptographic library or the JSON writer could not do its work.
        public static let operationFailed = Code(rawValue: "operation-failed")

        public var description: String { rawValue }
    }

    /// What went wrong.
    public let code: Code
    /// The claim or member it is about, such as `aud` or `cnf.x5t#S256`; nil when it is about the whole.
    public let member: String?
    /// What went wrong, in a sentence.
    public let message: String

    public var description: String { "\(code): \(message)" }

    public static func == (lhs: JOSEError, rhs: JOSEError) -> Bool {
        lhs.code == rhs.code
    }

    init(_ code: Code, member: String? = nil, _ message: String) {
        self.code = code
        self.member = member
        self.message = message
    }
}
