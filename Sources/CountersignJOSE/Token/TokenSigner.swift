public import CountersignCrypto

/// Signs access tokens with one key, always by RS256 (RFC 7518 section 3.3).
///
/// Made once per key: identifier and header are computed here and not per token.
public struct TokenSigner: Sendable {
    /// The identifier of the key, which follows from it.
    public let kid: KeyID

    private let key: RSAPrivateKey
    /// `<header>.`, the same for every token of this key.
    private let prefix: [UInt8]

    /// A signer with this key.
    public init(key: RSAPrivateKey) {
        self.key = key
        kid = KeyID(of: key.publicKey)
        prefix = TokenHeader.encodedSegment(kid: kid) + [UInt8(ascii: ".")]
    }

    /// The signed token in compact serialization. Cost: one RSA private-key operation.
    ///
    /// - Throws: ``JOSEError``: what ``TokenClaims/json()`` throws, or `operationFailed` when it could not be signed.
    public func token(for claims: TokenClaims) throws(JOSEError) -> String {
        try token(payload: claims.json())
    }

    /// The signed token of any payload: for tests of what a verifier must refuse.
    package func token(payload: [UInt8]) throws(JOSEError) -> String {
        var token = prefix
        // Room for all of it: four characters for three bytes, and a signature is as long as its key.
        token.reserveCapacity(prefix.count + (payload.count + key.publicKey.modulus.count) / 3 * 4 + 8)
        Base64URL.append(payload, to: &token)
        let signature = try signature(for: token)
        token.append(UInt8(ascii: "."))
        Base64URL.append(signature, to: &token)
        return String(decoding: token, as: UTF8.self)
    }

    func signature(for input: [UInt8]) throws(JOSEError) -> [UInt8] {
        do {
            return try key.signature(for: input)
        } catch {
            throw JOSEError(.operationFailed, "The token could not be signed: \(error.message)")
        }
    }
}
