public import CountersignCrypto

/// The identifier of a signing key: its JWK thumbprint (RFC 7638) with SHA-256, 43 characters of base64url.
///
/// It follows from the key, so it is the same on every machine and after every restart, is never used again for another
/// key, and can be checked by whoever has the key.
public struct KeyID: Hashable, Sendable, CustomStringConvertible {
    /// The 43 characters.
    public let rawValue: String

    /// Accepts what can be a thumbprint: 43 characters of canonical base64url. Anything else is nil.
    public init?(_ text: String) {
        guard text.utf8.count == 43, Base64URL.decode(text) != nil else {
            return nil
        }
        rawValue = text
    }

    /// The thumbprint of a key. Cost: one SHA-256.
    public init(of key: RSAPublicKey) {
        // RFC 7638 section 3.2: the required members, sorted by name, without white space.
        var json = Array(#"{"e":""#.utf8)
        json += Base64URL.encodeBytes(key.exponent)
        json += Array(#"","kty":"RSA","n":""#.utf8)
        json += Base64URL.encodeBytes(key.modulus)
        json += Array(#""}"#.utf8)
        rawValue = Base64URL.encode(SHA256.digest(of: json).bytes)
    }

    public var description: String { rawValue }
}
