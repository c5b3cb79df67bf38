internal import CountersignTLS

/// Why the issuer does not start, in the words an operator reads. Equality is the code.
public struct IssuerStartError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of thing is wrong. More codes may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        /// A certificate, key or other file that the configuration names, or the configuration itself.
        public static let configuration = Code(rawValue: "configuration")
        /// The signing keys cannot be used.
        public static let keys = Code(rawValue: "keys")
        /// An address cannot be listened on.
        public static let address = Code(rawValue: "address")

        public var description: String { rawValue }
    }

    public let code: Code
    /// One sentence, naming the file or address.
    public let message: String
    /// What to do about it.
    public let hint: String?

    init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    init(_ error: TLSError) {
        self.init(.configuration, error.message, hint: error.hint)
    }

    init(_ error: KeyRingError) {
        self.init(.keys, error.message, hint: error.hint)
    }

    public var description: String { message }

    public static func == (left: IssuerStartError, right: IssuerStartError) -> Bool {
        left.code == right.code
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(code)
    }
}
