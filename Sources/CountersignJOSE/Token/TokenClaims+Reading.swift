internal import CountersignCrypto
internal import CountersignJSON

extension TokenClaims {
    /// The most audiences a token may name.
    public static let maxAudiences = 32

    /// Reads the payload of a token.
    ///
    /// All of `iss`, `sub`, `client_id`, `service_id`, `aud`, `roles`, `iat`, `nbf`, `exp`, `jti` and `cnf` must be there;
    /// `scope` may. Strings are not empty. `aud` is a string or an array of 1 to 32 of them (RFC 7519 section 4.1.3). Times are
    /// whole seconds from 1970 up to the end of the year 9999, written as integers. Unknown claims are ignored.
    ///
    /// Cost: under a microsecond for claims in the form in which ``json()`` writes them, some ten for others.
    ///
    /// - Throws: ``JOSEError``: `claimsMalformed`, or `claimMissing` or `claimType` with the claim's name, in the order above.
    public init(json payload: [UInt8]) throws(JOSEError) {
        self = if let claims = TokenClaims(canonical: payload) { claims } else { try TokenClaims(parsing: payload) }
    }

    /// The same for any form that JSON allows.
    init(parsing payload: [UInt8]) throws(JOSEError) {
        let claims: JSONObject
        do {
            claims = try JSONReader.parseObject(payload)
        } catch {
            throw JOSEError(.claimsMalformed, error.message)
        }
        issuer = try claims.text("iss")
        subject = try claims.text("sub")
        clientID = try claims.text("client_id")
        serviceID = try claims.text("service_id")
        audience = try claims.audience()
        roles = try claims.texts("roles")
        issuedAt = try claims.time("iat")
        notBefore = try claims.time("nbf")
        expiresAt = try claims.time("exp")
        tokenID = try claims.text("jti")
        guard let binding = try claims.required("cnf").object else {
            throw .claim("cnf", isNot: "an object")
        }
        confirmation = try Confirmation(json: binding)
        scope = try claims.scope()
    }
}

/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
let lastSecond: Int64 = 253_402_300_799

/// RFC 6749 section 3.3: printable ASCII without space, quotation mark and backslash.
func isScopeToken(_ text: some Collection<UInt8>) -> Bool {
    !text.isEmpty && text.allSatisfy { 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
}

extension JOSEError {
    static func claim(_ name: String, isNot expected: String) -> JOSEError {
        JOSEError(.claimType, member: name, "The claim \"\(name)\" is not \(expected).")
    }
}

extension JSONObject {
    fileprivate func required(_ name: String) throws(JOSEError) -> JSONValue {
        guard let value = self[name] else {
            throw JOSEError(.claimMissing, member: name, "The claim \"\(name)\" is missing.")
        }
        return value
    }

    fileprivate func text(_ name: String) throws(JOSEError) -> String {
        guard let text = try required(name).string, !text.isEmpty else {
            throw .claim(name, isNot: "a string with something in it")
        }
        return text
    }

    fileprivate func texts(_ name: String) throws(JOSEError) -> [String] {
        guard let texts = try required(name).strings, texts.allSatisfy({ !$0.isEmpty }) else {
            throw .claim(name, isNot: "an array of strings with something in them")
        }
        return texts
    }

    fileprivate func audience() throws(JOSEError) -> [String] {
        if case .string(let audience) = try required("aud"), !audience.isEmpty {
            return [audience]
        }
        let audiences = try texts("aud")
        guard 1...TokenClaims.maxAudiences ~= audiences.count else {
            throw .claim("aud", isNot: "an audience or an array of 1 to \(TokenClaims.maxAudiences) of them")
        }
        return audiences
    }

    fileprivate func time(_ name: String) throws(JOSEError) -> Timestamp {
        guard let seconds = try required(name).integer, 0...lastSecond ~= seconds else {
            throw .claim(name, isNot: "a number of whole seconds from 1970 to the end of 9999")
        }
        return Timestamp(secondsSince1970: seconds)
    }

    fileprivate func scope() throws(JOSEError) -> [String] {
        guard let value = self["scope"] else {
            return []
        }
        guard let text = value.string else {
            throw .claim("scope", isNot: "a string")
        }
        let tokens = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard tokens.allSatisfy({ isScopeToken($0) }) else {
            throw .claim("scope", isNot: "scope tokens with one space between them")
        }
        return tokens.map { String(Substring($0)) }
    }
}
