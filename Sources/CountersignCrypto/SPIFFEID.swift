/// A SPIFFE ID (SPIFFE-ID specification, section 2): `spiffe://trust-domain/path`.
///
/// Comparison is exact: a trust domain may only be written in lower case, and the path is case-sensitive.
public struct SPIFFEID: Hashable, Sendable, CustomStringConvertible {
    /// Lower-case letters, digits, `.`, `-` and `_`; 1 to 255 bytes.
    public let trustDomain: String
    /// Empty, or `/` and segments of letters, digits, `.`, `-` and `_`, none of them `.` or `..`.
    public let path: String

    /// - Throws: `CryptoError` with `malformed-name` for anything the specification does not allow: other schemes, ports,
    ///   user names, queries, fragments, percent signs, empty segments, a trailing slash, more than 2048 bytes.
    public init(_ text: String) throws(CryptoError) {
        let prefix = "spiffe://"
        guard text.utf8.count <= 2048, text.utf8.starts(with: prefix.utf8) else {
            throw CryptoError(.malformedName, "a SPIFFE ID starts with spiffe:// and has at most 2048 bytes")
        }
        let rest = text.utf8.dropFirst(prefix.utf8.count)
        let domain = rest.prefix { $0 != UInt8(ascii: "/") }
        let path = rest.dropFirst(domain.count)
        guard !domain.isEmpty, domain.count <= 255, domain.allSatisfy(Self.isDomainCharacter) else {
            throw CryptoError(
                .malformedName, "the trust domain of a SPIFFE ID has lower-case letters, digits, '.', '-', '_' only")
        }
        for segment in path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst() {
            let isDots = segment.elementsEqual(".".utf8) || segment.elementsEqual("..".utf8)
            guard !segment.isEmpty, !isDots, segment.allSatisfy(Self.isPathCharacter) else {
                throw CryptoError(.malformedName, "the path of a SPIFFE ID has an empty or forbidden segment")
            }
        }
        trustDomain = String(decoding: domain, as: UTF8.self)
        self.path = String(decoding: path, as: UTF8.self)
    }

    public var description: String { "spiffe://\(trustDomain)\(path)" }

    private static func isDomainCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isPathCharacter(_ byte: UInt8) -> Bool {
        isDomainCharacter(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}
