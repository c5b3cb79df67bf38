public import CountersignCrypto
public import CountersignJSON

/// What an admin may ask: the same verbs for the command line on a directory, the command line on a running issuer, and the
/// admin endpoint itself.
public enum AdminCommand: Hashable, Sendable {
    /// Every key, and which receivers have what.
    case listKeys
    /// See ``KeyRingStore/rotate(immediately:force:settling:bitCount:to:by:at:)``.
    case rotate(immediately: Bool, force: Bool)
    /// Takes a key out; the text is a kid or its beginning.
    case revoke(String)
    /// Everything that is denied.
    case listDenied
    /// Denies; a moment limits it to tokens issued before.
    case deny(KeyRing.Denial.Subject, notBefore: Timestamp?)
    /// Takes a denial back.
    case allow(KeyRing.Denial.Subject)

    /// Where it is asked for at an issuer, after the issuer's address. Lists are fetched, everything else is posted.
    public var path: String {
        switch self {
        case .listKeys: "/admin/keys"
        case .rotate: "/admin/keys/rotate"
        case .revoke: "/admin/keys/revoke"
        case .listDenied: "/admin/deny"
        case .deny: "/admin/deny/add"
        case .allow: "/admin/deny/remove"
        }
    }

    /// Whether it only looks.
    public var isList: Bool { self == .listKeys || self == .listDenied }

    /// What is posted; nil for a list.
    public func body(reason: String?) -> JSONObject? {
        var body: JSONObject
        switch self {
        case .listKeys, .listDenied:
            return nil
        case .rotate(let immediately, let force):
            body = ["now": .bool(immediately), "force": .bool(force)]
        case .revoke(let kid):
            body = ["kid": .string(kid)]
        case .deny(let subject, let notBefore):
            body = ["kind": .string(subject.kind), "value": .string(subject.value)]
            if let notBefore {
                body.append("notBefore", .string(notBefore.description))
            }
        case .allow(let subject):
            body = ["kind": .string(subject.kind), "value": .string(subject.value)]
        }
        if let reason {
            body.append("reason", .string(reason))
        }
        return body
    }

    static let paths = [
        "/admin/keys", "/admin/keys/rotate", "/admin/keys/revoke", "/admin/deny", "/admin/deny/add", "/admin/deny/remove",
    ]
    static let listPaths = ["/admin/keys", "/admin/deny"]

    /// Reads what was posted.
    ///
    /// - Throws: ``KeyRingError``: `malformed` for a body that is not the command's, `wrongDenial`.
    static func read(path: String, body: JSONObject) throws(KeyRingError) -> (command: AdminCommand, reason: String?) {
        var body = StrictObject(body, path: "")
        let reason = body.has("reason") ? try body.string("reason") : nil
        let command: AdminCommand
        switch path {
        case "/admin/keys/rotate":
            let immediately = try body.optionalBool("now") ?? false
            command = .rotate(immediately: immediately, force: try body.optionalBool("force") ?? false)
        case "/admin/keys/revoke":
            command = .revoke(try body.string("kid"))
        case "/admin/deny/add":
            let subject = try subject(&body)
            command = .deny(subject, notBefore: try body.optionalTime("notBefore"))
        case "/admin/deny/remove":
            command = .allow(try subject(&body))
        default:
            throw KeyRingError(.malformed, "nothing is posted here")
        }
        try body.finish()
        return (command, reason)
    }

    private static func subject(_ body: inout StrictObject) throws(KeyRingError) -> KeyRing.Denial.Subject {
        let kind = try body.string("kind")
        return try KeyRing.Denial.Subject(kind: kind, value: try body.string("value"))
    }
}
