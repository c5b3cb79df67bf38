/// Step 4: exactly one `Authorization: Bearer` value of bounded size (RFC 6750 2.1, RFC 9110 11.4).
enum BearerToken {
    /// What a token may weigh.
    static let maxBytes = CompactJWS.defaultMaxBytes

    /// - Parameter authorization: every value of the request's Authorization fields.
    static func only(in authorization: [String]) throws(Refusal) -> [UInt8] {
        guard let value = authorization.first else {
            throw Refusal(.noToken, "the request has no Authorization field", presentedToken: false)
        }
        guard authorization.count == 1 else {
            throw Refusal(.authorizationRepeated, "the request has \(authorization.count) Authorization fields")
        }
        var token = Array(value.utf8)
        guard token.starts(with: "bearer".utf8, by: { $0 | 0x20 == $1 }), token.count > 6, token[6] == UInt8(ascii: " ") else {
            // Another scheme is no attempt to present a token (RFC 6750 3.1).
            throw Refusal(.authorizationMalformed, "the Authorization field is not of the scheme Bearer", presentedToken: false)
        }
        token.removeSubrange(..<(token[6...].firstIndex { $0 != UInt8(ascii: " ") } ?? token.endIndex))
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
}
