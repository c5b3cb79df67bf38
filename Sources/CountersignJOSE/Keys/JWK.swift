public import CountersignCrypto
public import CountersignJSON

/// A public RSA key that verifies RS256 signatures and nothing else, as a JSON Web Key (RFC 7517, RFC 7518 section 6.3).
///
/// The algorithm belongs to the key and is not taken from a token (RFC 8725 section 3.1).
public struct JWK: Hashable, Sendable {
    /// The key's identifier, always its thumbprint.
    public let kid: KeyID
    /// The key.
    public let key: RSAPublicKey

    /// The JSON Web Key of a public key.
    public init(_ key: RSAPublicKey) {
        self.kid = KeyID(of: key)
        self.key = key
    }

    /// Reads a JSON Web Key: `kty` RSA, `use` sig, `alg` RS256, `n` and `e` without leading zero, and `kid` the thumbprint, all
    /// of them present. Other public members are ignored; nothing is ever fetched from `x5u`.
    ///
    /// - Throws: ``JOSEError``: `keyPrivate`, `keyMalformed`, `keyUnsupported`, `keyWeak` or `keyIDMismatch`.
    public init(json: JSONObject) throws(JOSEError) {
        try JWK.refusePrivateMembers(of: json)
        for (name, expected) in JWK.fixedMembers {
            guard try json.keyText(name).hasSameUTF8(as: expected) else {
                throw JOSEError(.keyUnsupported, member: name, "The key's \"\(name)\" is not \"\(expected)\".")
            }
        }
        let key = try JWK.publicKey(modulus: json.keyInteger("n"), exponent: json.keyInteger("e"))
        let kid = KeyID(of: key)
        guard try json.keyText("kid").hasSameUTF8(as: kid.rawValue) else {
            throw JOSEError(.keyIDMismatch, member: "kid", "The key's \"kid\" is not its RFC 7638 thumbprint \(kid).")
        }
        self.kid = kid
        self.key = key
    }

    /// The members `kty`, `use`, `alg`, `kid`, `n` and `e`, in this order.
    public var json: JSONObject {
        [
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": .string(kid.rawValue),
            "n": .string(Base64URL.encode(key.modulus)),
            "e": .string(Base64URL.encode(key.exponent)),
        ]
    }

    /// Whether this is another kind of key or one for another purpose, which is none of our business.
    static func isForeign(_ json: JSONObject) -> Bool {
        fixedMembers.contains { name, expected in
            json.string(name).map { !$0.hasSameUTF8(as: expected) } ?? false
        }
    }

    /// Refuses the private members of every kind of key: whoever published them has lost the key.
    static func refusePrivateMembers(of json: JSONObject) throws(JOSEError) {
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] where json[name] != nil {
            throw JOSEError(.keyPrivate, member: name, "A public key has the private member \"\(name)\".")
        }
    }

    private static let fixedMembers = [("kty", "RSA"), ("use", "sig"), ("alg", "RS256")]

    private static func publicKey(modulus: [UInt8], exponent: [UInt8]) throws(JOSEError) -> RSAPublicKey {
        do {
            return try RSAPublicKey(modulus: modulus, exponent: exponent)
        } catch {
            let code: JOSEError.Code =
                switch error.code {
                case .weakKey: .keyWeak
                case .malformedKey, .unsupportedKey: .keyMalformed
                default: .operationFailed
                }
            throw JOSEError(code, error.message)
        }
    }
}

extension JSONObject {
    fileprivate func keyText(_ name: String) throws(JOSEError) -> String {
        guard let text = string(name) else {
            throw JOSEError(.keyMalformed, member: name, "The key's \"\(name)\" is missing or not a string.")
        }
        return text
    }

    /// A Base64urlUInt (RFC 7518 section 2): big-endian without leading zero bytes.
    fileprivate func keyInteger(_ name: String) throws(JOSEError) -> [UInt8] {
        guard let bytes = Base64URL.decode(try keyText(name)), let first = bytes.first, first != 0 else {
            throw JOSEError(
                .keyMalformed,
                member: name,
                "The key's \"\(name)\" is not a positive number in canonical base64url without leading zero bytes."
            )
        }
        return bytes
    }
}
