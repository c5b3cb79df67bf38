internal import CountersignJSON

/// The header of an access token: `alg` RS256, `typ` at+jwt and `kid`, and nothing else (RFC 9068 section 2.1).
///
/// A value of this type has passed all rules, so the key identifier is all it has to say. No other member is accepted, so
/// nothing in a header can name a key, a certificate or a place to fetch one (RFC 8725 section 3.10), or change how the
/// payload is to be read.
public struct TokenHeader: Hashable, Sendable {
    /// The key that is said to have signed the token.
    public let kid: KeyID

    /// Reads a header from its JSON text.
    ///
    /// - Throws: ``JOSEError``, the first that applies of `headerMalformed`, `headerCritical` (RFC 7515 section 4.1.11),
    ///   `headerAlgorithm`, `headerType`, `headerUnexpected` and `headerKeyID`.
    public init(json: [UInt8]) throws(JOSEError) {
        let header: JSONObject
        do {
            header = try JSONReader.parseObject(json)
        } catch {
            throw JOSEError(.headerMalformed, error.message)
        }
        guard header["crit"] == nil else {
            throw JOSEError(.headerCritical, member: "crit", "The header has \"crit\"; no extension is understood.")
        }
        guard let algorithm = header.string("alg"), algorithm.hasSameUTF8(as: "RS256") else {
            throw JOSEError(.headerAlgorithm, member: "alg", "The header's \"alg\" is missing or not \"RS256\".")
        }
        guard let type = header.string("typ"), TokenHeader.isAccessToken(type) else {
            throw JOSEError(.headerType, member: "typ", "The header's \"typ\" is missing or not \"at+jwt\".")
        }
        // alg and typ are there and no name appears twice, so whatever is not kid either is one too many.
        guard header.count == (header["kid"] == nil ? 2 : 3) else {
            throw JOSEError(.headerUnexpected, "The header has members besides \"alg\", \"kid\" and \"typ\".")
        }
        guard let text = header.string("kid"), let kid = KeyID(text) else {
            throw JOSEError(.headerKeyID, member: "kid", "The header's \"kid\" is missing or not 43 characters of base64url.")
        }
        self.kid = kid
    }

    /// The first part of every token signed with a key, as the issuer writes it.
    ///
    /// A token whose first part is byte for byte this one has passed all rules of ``init(json:)`` without being parsed, so a
    /// verifier may compute it once per key and compare.
    public static func encodedSegment(kid: KeyID) -> [UInt8] {
        Base64URL.encodeBytes(Array(#"{"alg":"RS256","kid":"\#(kid.rawValue)","typ":"at+jwt"}"#.utf8))
    }

    /// RFC 9068 section 4: the media type, with or without `application/`, in any case.
    private static func isAccessToken(_ type: String) -> Bool {
        let lower = type.utf8.map { byte in
            UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
        }
        return lower.elementsEqual("at+jwt".utf8) || lower.elementsEqual("application/at+jwt".utf8)
    }
}
