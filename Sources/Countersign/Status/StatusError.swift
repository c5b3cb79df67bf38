/// Why a status document was not made or not accepted. Equality is the code.
public struct StatusError: Error, Equatable, CustomStringConvertible {
    /// What went wrong. New codes may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// Kebab-case, as it appears in logs.
        public let rawValue: String

        /// Not a status document, or one with a member missing or wrong.
        public static let malformed = Code(rawValue: "status-malformed")
        /// The signature is wrong, or could not be made or checked.
        public static let unsigned = Code(rawValue: "status-unsigned")
        /// The key that signed it is not in a fresh key set, or is revoked.
        public static let keyUnknown = Code(rawValue: "status-key-unknown")
        /// It is another issuer's.
        public static let issuer = Code(rawValue: "status-issuer")
        /// Its time is over, or has not come.
        public static let stale = Code(rawValue: "status-stale")
        /// An older state than the one in hand.
        public static let older = Code(rawValue: "status-older")

        public var description: String { rawValue }
    }

    public let code: Code
    /// What happened, in one sentence without a full stop.
    public let message: String

    public var description: String { "\(code): \(message)" }

    public static func == (left: StatusError, right: StatusError) -> Bool { left.code == right.code }

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
