internal import CountersignCrypto
internal import CountersignJSON

extension TokenClaims {
    /// The payload of a token: claims in a fixed order, one audience as a string, roles sorted by their UTF-8 bytes, `scope` only
    /// if there is any.
    ///
    /// What is written here, ``init(json:)`` reads.
    ///
    /// - Throws: ``JOSEError`` `claimType`, with the claim's name, for what would not be read back: an empty string, not
    ///   exactly one audience, a time out of range, a scope that is no scope token, a NUL.
    public func json() throws(JOSEError) -> [UInt8] {
        if let canonical = canonical() { canonical } else { try written() }
    }

    /// The same for any texts.
    func written() throws(JOSEError) -> [UInt8] {
        guard let audience = audience.first, self.audience.count == 1 else {
            throw .claim("aud", isNot: "exactly one audience")
        }
        guard scope.allSatisfy({ isScopeToken($0.utf8) }) else {
            throw .claim("scope", isNot: "made of scope tokens")
        }
        var claims: JSONObject = [
            "iss": try text(issuer, "iss"),
            "sub": try text(subject, "sub"),
            "client_id": try text(clientID, "client_id"),
            "service_id": try text(serviceID, "service_id"),
            "aud": try text(audience, "aud"),
            "roles": .array(try sortedRoles.map { (role) throws(JOSEError) in try text(role, "roles") }),
        ]
        if !scope.isEmpty {
            claims.append("scope", .string(scope.joined(separator: " ")))
        }
        claims.append("iat", try time(issuedAt, "iat"))
        claims.append("nbf", try time(notBefore, "nbf"))
        claims.append("exp", try time(expiresAt, "exp"))
        claims.append("jti", try text(tokenID, "jti"))
        claims.append("cnf", .object(confirmation.json))
        do {
            return try JSONWriter.bytes(.object(claims))
        } catch {
            throw JOSEError(.operationFailed, error.message)
        }
    }

    var sortedRoles: [String] {
        roles.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}

private func text(_ text: String, _ name: String) throws(JOSEError) -> JSONValue {
    guard !text.isEmpty, !text.hasNUL else {
        throw .claim(name, isNot: "text without NUL and with something in it")
    }
    return .string(text)
}

private func time(_ time: Timestamp, _ name: String) throws(JOSEError) -> JSONValue {
    guard 0...lastSecond ~= time.secondsSince1970 else {
        throw .claim(name, isNot: "a time from 1970 to the end of 9999")
    }
    return .integer(time.secondsSince1970)
}
