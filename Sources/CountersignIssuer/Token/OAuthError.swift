/// An error answer of the token endpoint (RFC 6749, section 5.2; `invalid_target` from RFC 8707). Equality is the code.
public struct OAuthError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The `error` member.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        public var description: String { rawValue }

        public static let invalidRequest = Code(rawValue: "invalid_request")
        public static let invalidClient = Code(rawValue: "invalid_client")
        public static let unauthorizedClient = Code(rawValue: "unauthorized_client")
        public static let unsupportedGrantType = Code(rawValue: "unsupported_grant_type")
        public static let invalidScope = Code(rawValue: "invalid_scope")
        public static let invalidTarget = Code(rawValue: "invalid_target")
        public static let temporarilyUnavailable = Code(rawValue: "temporarily_unavailable")
    }

    public let code: Code
    /// The `error_description`: what to change. Only characters that RFC 6749 allows there; others become `?`.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.init(code, message, retryAfter: code == .temporarilyUnavailable ? 5 : nil, isCallersRate: false)
    }

    private init(_ code: Code, _ message: String, retryAfter: Int?, isCallersRate: Bool) {
        self.code = code
        self.retryAfter = retryAfter
        self.isCallersRate = isCallersRate
        self.message = String(
            decoding: message.utf8.map { byte in
                byte == UInt8(ascii: " ") || ConfigurationSyntax.isScopeByte(byte) ? byte : UInt8(ascii: "?")
            },
            as: UTF8.self
        )
    }

    /// The HTTP status: 401 for the caller itself, 429 when it has had its tokens, 503 when the issuer cannot sign, 400 for
    /// everything else.
    public var status: Int {
        switch code {
        case .invalidClient: 401
        case .temporarilyUnavailable: isCallersRate ? 429 : 503
        default: 400
        }
    }

    /// Seconds for the `Retry-After` field of a 429 or 503; `nil` where asking again would not help.
    public let retryAfter: Int?
    private let isCallersRate: Bool

    /// The caller has asked for more tokens than it may have.
    static func rateLimited(_ message: String, retryAfter: Int) -> OAuthError {
        OAuthError(.temporarilyUnavailable, message, retryAfter: retryAfter, isCallersRate: true)
    }

    /// The JSON body. Nothing in it needs escaping: both texts are free of quotation marks, backslashes and controls.
    public var body: [UInt8] {
        Array("{\"error\":\"\(code.rawValue)\",\"error_description\":\"\(message)\"}".utf8)
    }

    public var description: String { "\(code): \(message)" }

    public static func == (left: OAuthError, right: OAuthError) -> Bool {
        left.code == right.code
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(code)
    }
}
