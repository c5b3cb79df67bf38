/// Why a token, or another answer of the issuer, could not be had.
///
/// Two errors are equal when their codes are. The message is one plain sentence for people; ``hint`` says what to do where there
/// is something to do. Neither ever holds a token or a key.
public struct TokenError: Error, Sendable {
    /// What kind of thing went wrong. More codes may be added; compare, do not switch exhaustively.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        /// What was asked for cannot be sent: an empty audience, a scope with a space, an address that is not `https`.
        public static let invalidRequest = Code(rawValue: "invalid-request")
        /// The issuer said no; ``TokenError/oauthCode`` says why. Asking again unchanged does not help.
        public static let refused = Code(rawValue: "refused")
        /// The issuer said "not now", perhaps with ``TokenError/retryAfter``.
        public static let temporarilyUnavailable = Code(rawValue: "temporarily-unavailable")
        /// No connection, or one that was lost.
        public static let unreachable = Code(rawValue: "unreachable")
        /// No answer in time.
        public static let timedOut = Code(rawValue: "timed-out")
        /// We did not accept the issuer's certificate.
        public static let issuerNotTrusted = Code(rawValue: "issuer-not-trusted")
        /// The issuer did not accept our certificate.
        public static let certificateRefused = Code(rawValue: "certificate-refused")
        /// TLS failed in some other way, such as with a peer that does not speak it.
        public static let handshakeFailed = Code(rawValue: "handshake-failed")
        /// A status that the issuer has no reason to send, a redirect among them.
        public static let unexpectedStatus = Code(rawValue: "unexpected-status")
        /// More bytes than an answer may have.
        public static let answerTooLarge = Code(rawValue: "answer-too-large")
        /// Not the JSON that was expected, or of another content type.
        public static let answerMalformed = Code(rawValue: "answer-malformed")
        /// The answer's token cannot be a token of ours.
        public static let tokenMalformed = Code(rawValue: "token-malformed")
        /// The answer's token has expired, or never lives.
        public static let tokenLifetime = Code(rawValue: "token-lifetime")
        /// The answer's token is for somebody else than was asked for.
        public static let audienceMismatch = Code(rawValue: "audience-mismatch")
        /// The answer's token is bound to another certificate than the one it was asked for with.
        public static let bindingMismatch = Code(rawValue: "binding-mismatch")
        /// The answer's token is that of another service: than `clientID` says, or than the token in hand.
        public static let serviceMismatch = Code(rawValue: "service-mismatch")
        /// The task that asked was cancelled.
        public static let cancelled = Code(rawValue: "cancelled")

        public var description: String { rawValue }
    }

    public let code: Code
    /// One plain sentence without a final stop, naming the address.
    public let message: String
    /// What to do about it.
    public var hint: String?
    /// The `error` of the issuer's answer (RFC 6749 section 5.2).
    public var oauthCode: String?
    /// The HTTP status of the answer, if there was one.
    public var status: Int?
    /// How long the issuer asks to be left alone; at most five minutes, whatever it said.
    public var retryAfter: Duration?

    public init(
        _ code: Code,
        _ message: String,
        hint: String? = nil,
        oauthCode: String? = nil,
        status: Int? = nil,
        retryAfter: Duration? = nil
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.oauthCode = oauthCode
        self.status = status
        self.retryAfter = retryAfter
    }

    /// Whether the same request may succeed later without anybody changing anything.
    public var isTemporary: Bool {
        code == .unreachable || code == .timedOut || code == .temporarilyUnavailable
    }
}

extension TokenError: Equatable {
    public static func == (left: TokenError, right: TokenError) -> Bool { left.code == right.code }
}

extension TokenError: CustomStringConvertible {
    public var description: String { message }
}

extension TokenError {
    static let cancelled = TokenError(.cancelled, "the task was cancelled")

    /// How far the blame reaches.
    enum Blame {
        /// This request, wherever it is sent.
        case request
        /// This answer; another of the issuer's addresses may give a better one.
        case answer
        /// What was asked for, at this address: it may well give tokens and have no status, or the other way round.
        case endpoint
        /// The address, for every request.
        case address
    }

    var blame: Blame {
        switch code {
        case .invalidRequest, .refused, .cancelled: .request
        case .unreachable, .timedOut, .issuerNotTrusted, .certificateRefused, .handshakeFailed: .address
        case .temporarilyUnavailable: .endpoint
        default: .answer
        }
    }
}
