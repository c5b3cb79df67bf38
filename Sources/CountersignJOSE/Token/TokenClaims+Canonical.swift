internal import CountersignCrypto
internal import CountersignJSON

extension TokenClaims {
    /// Reads a payload that is byte for byte in the form in which ``json()`` writes claims, or gives nil.
    ///
    /// That is what every token of a Countersign issuer has: these members in this order, no white space, no escapes, printable
    /// ASCII. It is read in one pass, without a parser. Nil says nothing against the claims: ``init(json:)`` then reads them with
    /// all the freedom that JSON allows, and refuses what is wrong. Whatever is read here, the parser would read just so; a
    /// name twice or a member out of place does not fit the form.
    init?(canonical payload: [UInt8]) {
        guard payload.count <= JSONLimits().maxBytes else { return nil }
        var text = CanonicalText(payload)
        guard text.skip(#"{"iss":"#), let issuer = text.string(),
            text.skip(#","sub":"#), let subject = text.string(),
            text.skip(#","client_id":"#), let clientID = text.string(),
            text.skip(#","service_id":"#), let serviceID = text.string(),
            text.skip(#","aud":"#), let audience = text.string(),
            text.skip(#","roles":"#), let roles = text.strings()
        else { return nil }
        var scope: [String] = []
        if text.skip(#","scope":""#) {
            guard let tokens = text.scopeTokens() else { return nil }
            scope = tokens
        }
        guard text.skip(#","iat":"#), let issuedAt = text.seconds(),
            text.skip(#","nbf":"#), let notBefore = text.seconds(),
            text.skip(#","exp":"#), let expiresAt = text.seconds(),
            text.skip(#","jti":"#), let tokenID = text.string(),
            text.skip(#","cnf":{"x5t#S256":""#), let confirmation = text.confirmation(),
            text.skip("}}"), text.isAtEnd
        else { return nil }
        self.issuer = issuer
        self.subject = subject
        self.clientID = clientID
        self.serviceID = serviceID
        self.audience = [audience]
        self.roles = roles
        self.scope = scope
        self.issuedAt = issuedAt
        self.notBefore = notBefore
        self.expiresAt = expiresAt
        self.tokenID = tokenID
        self.confirmation = confirmation
    }
}

/// Moves along a text and gives nil where it is not what is asked for.
private struct CanonicalText {
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { index == bytes.count }

    /// Moves behind exactly this text, if it is here.
    mutating func skip(_ expected: StaticString) -> Bool {
        guard bytes.hasText(expected, at: index) else { return false }
        index += expected.utf8CodeUnitCount
        return true
    }

    /// Moves behind this byte, if it is here.
    mutating func skip(_ expected: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == expected else { return false }
        index += 1
        return true
    }

    /// A string in quotation marks, of at least one printable ASCII character and without escapes.
    mutating func string() -> String? {
        guard skip(quote), let text = printable(), skip(quote) else { return nil }
        return text
    }

    mutating func strings() -> [String]? {
        guard skip(UInt8(ascii: "[")) else { return nil }
        var strings: [String] = []
        strings.reserveCapacity(4)
        guard !skip(UInt8(ascii: "]")) else { return strings }
        repeat {
            guard let string = string() else { return nil }
            strings.append(string)
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "]")) ? strings : nil
    }

    /// Scope tokens with one space between them, and the quotation mark behind the last.
    mutating func scopeTokens() -> [String]? {
        var tokens: [String] = []
        repeat {
            guard let token = printable(from: 0x21) else { return nil }
            tokens.append(token)
        } while skip(UInt8(ascii: " "))
        return skip(quote) ? tokens : nil
    }

    /// Whole seconds, written as JSON writes integers: no sign, no leading zero.
    mutating func seconds() -> Timestamp? {
        let start = index
        var seconds: Int64 = 0
        while index < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[index] {
            // Twelve digits hold every second there is.
            guard index - start < 12 else { return nil }
            seconds = seconds * 10 + Int64(bytes[index] - UInt8(ascii: "0"))
            index += 1
        }
        guard index > start, bytes[start] != UInt8(ascii: "0") || index == start + 1, seconds <= lastSecond else { return nil }
        return Timestamp(secondsSince1970: seconds)
    }

    /// The certificate's digest, then perhaps its key's and its holder's.
    mutating func confirmation() -> Confirmation? {
        guard let certificate = digest() else { return nil }
        var publicKey: SHA256Digest?
        if skip(#","spki#S256":""#) {
            guard let digest = digest() else { return nil }
            publicKey = digest
        }
        var holder: SHA256Digest?
        if skip(#","holder#S256":""#) {
            guard let digest = digest() else { return nil }
            holder = digest
        }
        return Confirmation(certificateSHA256: certificate, publicKeySHA256: publicKey, holderSHA256: holder)
    }

    /// The 43 characters of a digest, and the quotation mark behind them.
    private mutating func digest() -> SHA256Digest? {
        let end = index + 43
        guard end <= bytes.count, let digest = Base64URL.decode(bytes.span.extracting(index..<end)) else { return nil }
        index = end
        return skip(quote) ? SHA256Digest(bytes: digest) : nil
    }

    /// One or more characters from `lowest` to `~`, up to the first other one, a quotation mark or a backslash.
    private mutating func printable(from lowest: UInt8 = 0x20) -> String? {
        let start = index
        index = endOfPlain(from: lowest)
        return index > start ? bytes.text(start..<index) : nil
    }

    private func endOfPlain(from lowest: UInt8) -> Int {
        let text = bytes.span
        var end = index
        while end < text.count, lowest...0x7E ~= text[end], text[end] != quote, text[end] != UInt8(ascii: "\\") { end += 1 }
        return end
    }
}

private let quote = UInt8(ascii: "\"")
