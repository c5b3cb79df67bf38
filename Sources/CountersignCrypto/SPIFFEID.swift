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
        guard text.utf8.count <= 2048, text.utf8.starts(with: Self.prefix) else {
            throw CryptoError(.malformedName, "a SPIFFE ID starts with spiffe:// and has at most 2048 bytes")
        }
        let bytes = Array(text.utf8)
        let domainStart = Self.prefix.count
        var index = domainStart
        while index < bytes.count, Self.isDomainCharacter(bytes[index]) { index += 1 }
        let domain = bytes[domainStart..<index]
        guard 1...255 ~= domain.count, index == bytes.count || bytes[index] == slash else {
            throw CryptoError(
                .malformedName, "the trust domain of a SPIFFE ID has lower-case letters, digits, '.', '-', '_' only")
        }
        let path = bytes[index...]
        while index < bytes.count {
            // A slash stands here, and a segment behind it.
            let start = index + 1
            index = start
            while index < bytes.count, Self.isPathCharacter(bytes[index]) { index += 1 }
            guard index == bytes.count || bytes[index] == slash, !Self.isForbidden(bytes[start..<index]) else {
                throw CryptoError(.malformedName, "the path of a SPIFFE ID has an empty or forbidden segment")
            }
        }
        trustDomain = String(decoding: domain, as: UTF8.self)
        self.path = String(decoding: path, as: UTF8.self)
    }

    public var description: String { "spiffe://\(trustDomain)\(path)" }

    private static let prefix = Array("spiffe://".utf8)

    /// Nothing, `.` and `..`.
    private static func isForbidden(_ segment: ArraySlice<UInt8>) -> Bool {
        segment.count <= 2 && segment.allSatisfy { $0 == UInt8(ascii: ".") }
    }

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

private let slash = UInt8(ascii: "/")
