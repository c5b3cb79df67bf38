internal import CountersignJSON

/// A token taken apart: JWS compact serialization (RFC 7515 section 3.1). Nothing in it has been verified.
public struct CompactJWS: Sendable {
    /// The most bytes a token may have unless told otherwise.
    public static let defaultMaxBytes = 8192

    /// The first part as it was sent, for comparison with ``TokenHeader/encodedSegment(kid:)``.
    public var headerSegment: ArraySlice<UInt8> { signingInput[..<headerEnd] }
    /// The header's JSON text. Decoded when it is asked for: of a header that is known, nobody does.
    public var header: [UInt8] { Base64URL.decode(headerSegment) ?? [] }
    /// The payload.
    public let payload: [UInt8]
    /// The signature.
    public let signature: [UInt8]
    /// The bytes that the signature covers: the first two parts and the dot between them.
    public let signingInput: [UInt8]
    private let headerEnd: Int

    /// Splits a token into exactly three non-empty parts of canonical base64url. Cost: one pass.
    ///
    /// - Throws: ``JOSEError``: `tokenTooLarge` before anything is looked at, or `tokenMalformed`.
    public init(_ token: consuming [UInt8], maxBytes: Int = CompactJWS.defaultMaxBytes) throws(JOSEError) {
        guard token.count <= maxBytes else {
            throw JOSEError(.tokenTooLarge, "The token has \(token.count) bytes; at most \(maxBytes) are accepted.")
        }
        guard let first = token.firstIndex(of: dot, from: 0), let second = token.firstIndex(of: dot, from: first + 1)
        else {
            throw JOSEError(.tokenMalformed, "The token does not have three parts.")
        }
        // Another dot would be in the signature, where it is no base64url.
        guard first > 0, Base64URL.isCanonical(token.span.extracting(..<first)) else { throw malformed("header") }
        payload = try part("payload", token.span.extracting((first + 1)..<second))
        signature = try part("signature", token.span.extracting((second + 1)...))
        token.removeLast(token.count - second)
        signingInput = token
        headerEnd = first
    }
}

private let dot = UInt8(ascii: ".")

private func part(_ name: String, _ text: Span<UInt8>) throws(JOSEError) -> [UInt8] {
    guard !text.isEmpty, let bytes = Base64URL.decode(text) else { throw malformed(name) }
    return bytes
}

private func malformed(_ name: String) -> JOSEError {
    JOSEError(.tokenMalformed, "The token's \(name) is empty or not canonical base64url.")
}
