internal import CountersignJSON

/// What is asked of the token endpoint; also the key that tokens are kept under. Compared by bytes: to Swift, strings of
/// different code points can be equal, and a token for one audience is none for the other.
struct TokenRequest: Sendable {
    let audience: String
    /// Sorted and without repetitions: the order means nothing (RFC 6749 section 3.3).
    let scope: [String]

    static let maxAudienceBytes = 1024
    static let maxAnswerBytes = 64 * 1024

    init(audience: String, scope: [String]) {
        self.audience = audience
        // The usual request has none or one, and is made for every use of a token.
        self.scope = scope.count < 2 ? scope : Set(scope).sorted()
    }

    /// - Throws: ``TokenError`` with `invalid-request`.
    func check() throws(TokenError) {
        guard 1...Self.maxAudienceBytes ~= audience.utf8.count, audience.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw TokenError(
                .invalidRequest,
                "an audience is 1 to \(Self.maxAudienceBytes) bytes of text without control characters"
            )
        }
        // RFC 6749 section 3.3.
        let isScope = scope.allSatisfy { token in
            !token.isEmpty && token.utf8.allSatisfy { 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        }
        guard isScope, scope.reduce(0, { $0 + $1.utf8.count }) <= Self.maxAudienceBytes else {
            throw TokenError(.invalidRequest, "a scope is printable ASCII without space, quotation mark and backslash")
        }
    }

    /// RFC 6749 section 4.4.2, with the `audience` of the issuer's contract.
    ///
    /// - Parameter clientID: RFC 8705 section 2 wants it sent; Countersign's issuer knows the caller by its certificate alone.
    func message(to address: IssuerAddress, clientID: String? = nil) -> IssuerRequest {
        var form = "grant_type=client_credentials&audience=\(Self.encoded(audience))"
        if !scope.isEmpty { form += "&scope=\(Self.encoded(scope.joined(separator: " ")))" }
        if let clientID { form += "&client_id=\(Self.encoded(clientID))" }
        return IssuerRequest(
            .post,
            address.tokenEndpoint,
            headers: [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")],
            body: Array(form.utf8),
            maxAnswerBytes: Self.maxAnswerBytes
        )
    }

    /// A value of `application/x-www-form-urlencoded`.
    private static func encoded(_ text: String) -> String {
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                encoded.append(byte)
            case UInt8(ascii: " "):
                encoded.append(UInt8(ascii: "+"))
            default:
                encoded += [UInt8(ascii: "%"), hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    private static let hexDigits = Array("0123456789ABCDEF".utf8)
}

extension TokenRequest: Hashable {
    static func == (left: TokenRequest, right: TokenRequest) -> Bool {
        left.audience.hasSameUTF8(as: right.audience)
            && left.scope.elementsEqual(right.scope) { $0.hasSameUTF8(as: $1) }
    }

    func hash(into hasher: inout Hasher) {
        // Equal bytes have equal hashes; the few strings that differ only for `==` are told apart there.
        hasher.combine(audience)
        hasher.combine(scope.count)
    }
}
