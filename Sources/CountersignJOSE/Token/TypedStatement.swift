internal import CountersignCrypto
internal import CountersignJSON

/// A signed statement that is no access token: compact JWS by RS256 with a `typ` of its own (RFC 8725 section 3.11), so that
/// neither is ever taken for the other.
public struct TypedStatement: Sendable {
    /// The key that is said to have signed it.
    public let kid: KeyID
    /// The payload. Not verified until ``isSigned(by:)`` says so.
    public let payload: [UInt8]

    private let jws: CompactJWS

    /// Takes a statement apart. The header must be exactly `alg`, `kid` and `typ`, as for an access token.
    ///
    /// - Throws: ``JOSEError``, the first that applies of `tokenTooLarge`, `tokenMalformed`, `headerMalformed`,
    ///   `headerCritical`, `headerAlgorithm`, `headerType`, `headerUnexpected` and `headerKeyID`.
    public init(_ bytes: [UInt8], type: String, maxBytes: Int) throws(JOSEError) {
        jws = try CompactJWS(bytes, maxBytes: maxBytes)
        let header: JSONObject
        do {
            header = try JSONReader.parseObject(jws.header)
        } catch {
            throw JOSEError(.headerMalformed, error.message)
        }
        guard header["crit"] == nil else {
            throw JOSEError(.headerCritical, member: "crit", "The header has \"crit\"; no extension is understood.")
        }
        guard let algorithm = header.string("alg"), algorithm.hasSameUTF8(as: "RS256") else {
            throw JOSEError(.headerAlgorithm, member: "alg", "The header's \"alg\" is missing or not \"RS256\".")
        }
        guard let found = header.string("typ"), found.hasSameUTF8(as: type) else {
            throw JOSEError(.headerType, member: "typ", "The header's \"typ\" is missing or not \"\(type)\".")
        }
        // alg and typ are there and no name appears twice, so whatever is not kid either is one too many.
        guard header.count == (header["kid"] == nil ? 2 : 3) else {
            throw JOSEError(.headerUnexpected, "The header has members besides \"alg\", \"kid\" and \"typ\".")
        }
        guard let text = header.string("kid"), let kid = KeyID(text) else {
            throw JOSEError(.headerKeyID, member: "kid", "The header's \"kid\" is missing or not 43 characters of base64url.")
        }
        self.kid = kid
        payload = jws.payload
    }

    /// Whether it is signed by this key. Cost: one RSA verification.
    ///
    /// - Throws: ``JOSEError`` with `operationFailed` when it could not be checked, which must be treated as "no".
    public func isSigned(by key: JWK) throws(JOSEError) -> Bool {
        guard key.kid == kid else {
            return false
        }
        do {
            return try key.key.isValidSignature(jws.signature, for: jws.signingInput)
        } catch {
            throw JOSEError(.operationFailed, "The signature could not be checked: \(error.message)")
        }
    }
}

extension TokenSigner {
    /// A signed statement of another kind than a token. Cost: one RSA private-key operation.
    ///
    /// - Parameter type: the `typ`; must not be that of an access token.
    /// - Throws: ``JOSEError`` with `operationFailed` when it could not be signed.
    public func statement(type: String, payload: [UInt8]) throws(JOSEError) -> [UInt8] {
        let header = Array(#"{"alg":"RS256","kid":"\#(kid.rawValue)","typ":"\#(type)"}"#.utf8)
        let input = Base64URL.encodeBytes(header) + [UInt8(ascii: ".")] + Base64URL.encodeBytes(payload)
        return input + [UInt8(ascii: ".")] + Base64URL.encodeBytes(try signature(for: input))
    }
}
