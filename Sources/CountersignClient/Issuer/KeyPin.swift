public import CountersignCrypto
internal import FoundationEssentials

/// A server key that is expected: SHA-256 over the DER of its SubjectPublicKeyInfo (RFC 7469 section 2.4).
///
/// A pin narrows trust and never widens it: the certificate has to be good all the same. It stays good when the certificate is
/// renewed with the same key, and shuts everything out when the key is replaced: pin the next key as well before that.
public struct KeyPin: Hashable, Sendable {
    public let sha256: SHA256Digest

    public init(sha256: SHA256Digest) {
        self.sha256 = sha256
    }

    /// The key of a certificate.
    public init(of certificate: Certificate) {
        sha256 = certificate.publicKey.sha256
    }

    /// Reads `sha256/` and base64, as `openssl pkey -pubout -outform der | openssl dgst -sha256 -binary | base64` prints it, or 64
    /// hexadecimal digits.
    ///
    /// - Throws: ``TokenError`` with `invalid-request`.
    public init(_ text: String) throws(TokenError) {
        let bare = text.hasPrefix("sha256/") ? String(text.dropFirst("sha256/".count)) : text
        let bytes = bare.utf8.count == 64 ? Self.hexadecimal(bare) : Data(base64Encoded: bare).map { [UInt8]($0) }
        guard let digest = bytes.flatMap({ SHA256Digest(bytes: $0) }) else {
            throw TokenError(
                .invalidRequest, "this is not the pin of a key: 32 bytes in base64 or hexadecimal are",
                hint:
                    "openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64"
            )
        }
        sha256 = digest
    }

    private static func hexadecimal(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let high = rest.popFirst(), let low = rest.popFirst() {
            guard let high = Character(Unicode.Scalar(high)).hexDigitValue, let low = Character(Unicode.Scalar(low)).hexDigitValue
            else { return nil }
            bytes.append(UInt8(high * 16 + low))
        }
        return bytes
    }
}

extension KeyPin: CustomStringConvertible {
    /// The form that ``init(_:)`` reads.
    public var description: String { "sha256/\(Data(sha256.bytes).base64EncodedString())" }
}
