internal import CountersignCrypto
internal import CountersignJSON

extension TokenClaims {
    /// The claims in the form that ``init(canonical:)`` reads, or nil.
    ///
    /// For claims of nothing but printable ASCII without quotation mark and backslash, as nearly all are. Nothing in them needs
    /// escaping, so they are put together without a JSON library, and byte for byte as ``written()`` does it. Nil says nothing
    /// against the claims: ``written()`` then writes them, or says what is wrong.
    func canonical() -> [UInt8]? {
        guard let audience = audience.first, self.audience.count == 1 else { return nil }
        var text = CanonicalWriter()
        text.append(#"{"iss":"#, issuer)
        text.append(#","sub":"#, subject)
        text.append(#","client_id":"#, clientID)
        text.append(#","service_id":"#, serviceID)
        text.append(#","aud":"#, audience)
        text.append(#","roles":"#, sortedRoles)
        if !scope.isEmpty { text.append(scope: scope) }
        text.append(#","iat":"#, issuedAt)
        text.append(#","nbf":"#, notBefore)
        text.append(#","exp":"#, expiresAt)
        text.append(#","jti":"#, tokenID)
        text.append(#","cnf":{"x5t#S256":"#, confirmation.certificateSHA256)
        if let digest = confirmation.publicKeySHA256 { text.append(#","spki#S256":"#, digest) }
        if let digest = confirmation.holderSHA256 { text.append(#","holder#S256":"#, digest) }
        text.append("}}")
        return text.bytes
    }
}

private struct CanonicalWriter {
    private var text: [UInt8] = []
    private var isCanonical = true

    init() {
        text.reserveCapacity(1024)
    }

    /// What was added, or nil when some of it cannot stand there as it is.
    var bytes: [UInt8]? { isCanonical ? text : nil }

    mutating func append(_ fixed: StaticString) {
        text.append(fixed)
    }

    mutating func append(_ name: StaticString, _ value: String) {
        text.append(name)
        append(value)
    }

    mutating func append(_ name: StaticString, _ values: [String]) {
        text.append(name)
        var separator = UInt8(ascii: "[")
        for value in values {
            text.append(separator)
            append(value)
            separator = UInt8(ascii: ",")
        }
        text.append(values.isEmpty ? "[]" : "]")
    }

    mutating func append(scope: [String]) {
        text.append(#","scope":"#)
        var separator = quote
        for token in scope {
            text.append(separator)
            isCanonical = text.append(plain: token, from: 0x21) && isCanonical
            separator = UInt8(ascii: " ")
        }
        text.append(quote)
    }

    mutating func append(_ name: StaticString, _ time: Timestamp) {
        text.append(name)
        isCanonical = isCanonical && 0...lastSecond ~= time.secondsSince1970
        text.append(contentsOf: String(time.secondsSince1970).utf8)
    }

    mutating func append(_ name: StaticString, _ digest: SHA256Digest) {
        text.append(name)
        text.append(quote)
        Base64URL.append(digest.bytes, to: &text)
        text.append(quote)
    }

    private mutating func append(_ value: String) {
        text.append(quote)
        isCanonical = text.append(plain: value) && isCanonical
        text.append(quote)
    }
}

private let quote = UInt8(ascii: "\"")
