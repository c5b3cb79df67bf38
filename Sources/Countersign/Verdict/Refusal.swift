/// A "no": the exact reason for the log, and what the peer may be told.
///
/// Every refusal looks alike to the peer. The message and the reason are for the operator; they hold no token and no key. Names
/// that a peer chose stand in the message in a form that cannot end a line or steer a terminal, and in bounded length.
public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    public let reason: Reason
    /// One sentence for the log.
    public let message: String
    /// Whether the request carried credentials in its Authorization field (RFC 6750 3.1 wants no error code without).
    let presentedToken: Bool
    /// Scopes that would have been enough, for a 403.
    let missingScopes: [String]

    init(_ reason: Reason, _ message: String, presentedToken: Bool = true, missingScopes: [String] = []) {
        self.reason = reason
        self.message = Self.oneLine(message)
        self.presentedToken = presentedToken
        self.missingScopes = missingScopes
    }

    /// 401 for the certificate and the token, 403 for who may call and for roles and scopes, 503 when it cannot be known.
    public var status: Int {
        if reason.isUnknowable { return 503 }
        return reason.step == .subject || reason.step == .requirement ? 403 : 401
    }

    /// Seconds for a `Retry-After` field; only with status 503.
    public var retryAfter: Int? { status == 503 ? 5 : nil }

    /// The value of a `WWW-Authenticate` field (RFC 6750 section 3), or `nil` where none belongs.
    ///
    /// - Parameter realm: a name for the receiver, such as its audience.
    public func challenge(realm: String) -> String? {
        let realm = "Bearer realm=\"\(Self.quoted(realm))\""
        switch (status, reason.step) {
        case (401, _) where !presentedToken: return realm
        case (401, _): return "\(realm), error=\"invalid_token\""
        case (403, .requirement) where missingScopes.isEmpty: return "\(realm), error=\"insufficient_scope\""
        case (403, .requirement):
            return "\(realm), error=\"insufficient_scope\", scope=\"\(Self.quoted(missingScopes.joined(separator: " ")))\""
        default: return nil
        }
    }

    public var description: String { "\(reason): \(message)" }

    public static func == (left: Refusal, right: Refusal) -> Bool { left.reason == right.reason }

    public func hash(into hasher: inout Hasher) { hasher.combine(reason) }

    /// Controls, direction marks and line separators as escapes, and not more than 1024 characters.
    private static func oneLine(_ message: String) -> String {
        let limit = 1024
        if message.utf8.count <= limit, message.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) { return message }
        var text = ""
        for (count, scalar) in message.unicodeScalars.enumerated() {
            if count == limit { return text + "..." }
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default:
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// The inside of a quoted-string (RFC 9110 5.6.4); what cannot stand there is dropped.
    private static func quoted(_ text: String) -> String {
        String(decoding: text.utf8.filter { (0x20...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c }, as: UTF8.self)
    }
}
