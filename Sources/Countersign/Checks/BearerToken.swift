/// Step 4: exactly one `Authorization: Bearer` value of bounded size (RFC 6750 2.1, RFC 9110 11.4).
enum BearerToken {
    /// What a token may weigh.
    static let maxBytes = CompactJWS.defaultMaxBytes

    /// Whether somebody tried to present a token: another scheme is no attempt (RFC 6750 3.1).
    static func isPresented(in authorization: [String]) -> Bool { authorization.contains { start(in: $0) != nil } }

    /// - Parameter authorization: every value of the request's Authorization fields.
    static func only(in authorization: [String]) throws(Refusal) -> [UInt8] {
        guard let value = authorization.first else {
            throw Refusal(.noToken, "the request has no Authorization field", presentedToken: false)
        }
        guard authorization.count == 1 else {
            throw Refusal(.authorizationRepeated, "the request has \(authorization.count) Authorization fields")
        }
        guard let start = start(in: value) else {
            throw Refusal(.authorizationMalformed, "the Authorization field is not of the scheme Bearer", presentedToken: false)
        }
        var token = Array(value.utf8)
        token.removeSubrange(..<start)
        // A token68 has no other characters than these refuse; what is left wrong is found by the token's own parser.
        var isForeign: UInt8 = token.isEmpty ? 1 : 0
        for byte in token {
            isForeign |= (byte &- 0x21 > 0x7e - 0x21 ? 1 : 0) | (byte == UInt8(ascii: ",") ? 1 : 0)
        }
        guard isForeign == 0 else {
            throw Refusal(.authorizationMalformed, "the Authorization field does not hold exactly one token")
        }
        guard token.count <= maxBytes else {
            throw Refusal(.tokenTooLarge, "the token has \(token.count) bytes; at most \(maxBytes) are accepted")
        }
        return token
    }

    /// How many bytes come before the token: the scheme in any case, and spaces.
    private static func start(in value: String) -> Int? {
        let text = value.utf8.span
        guard text.count > 6, text[6] == UInt8(ascii: " ") else { return nil }
        var scheme: UInt64 = 0
        for index in 0..<6 { scheme = scheme << 8 | UInt64(text[index] | 0x20) }
        guard scheme == 0x62_65_61_72_65_72 else { return nil }
        var start = 7
        while start < text.count, text[start] == UInt8(ascii: " ") { start += 1 }
        return start
    }
}
