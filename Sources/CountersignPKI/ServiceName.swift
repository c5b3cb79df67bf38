internal import CountersignCrypto

/// The short name of a service, such as `user-svc`: one DNS label in lower case (RFC 1123 2.1), so that it can stand in a
/// host name, in a SPIFFE ID and as a folder without being changed.
package struct ServiceName: Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String

    /// - Throws: ``PKIError`` with `invalid-name` unless it is 1 to 63 of `a-z`, `0-9` and `-`, not beginning or ending in `-`.
    package init(_ text: String) throws(PKIError) {
        let hyphen = UInt8(ascii: "-")
        let isLabel =
            (1...63).contains(text.utf8.count) && text.utf8.first != hyphen
            && text.utf8.reversed().first != hyphen && text.utf8.allSatisfy { HostName.isLetterOrDigit($0) || $0 == hyphen }
        guard isLabel else {
            throw PKIError(
                .invalidName, "\(printable(text)) is not a service name",
                hint: "1 to 63 lower-case letters, digits and hyphens, without a hyphen at either end, such as user-svc"
            )
        }
        rawValue = text
    }

    package var description: String { rawValue }
}

/// The trust domain of an authority, such as `link.internal`: SPIFFE's (SPIFFE-ID specification, section 2.1) and the end of
/// its services' host names.
package struct TrustDomain: Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String

    /// - Throws: ``PKIError`` with `invalid-name` for what SPIFFE does not allow, and for empty labels (`a..b`).
    package init(_ text: String) throws(PKIError) {
        let id = try? SPIFFEID("spiffe://\(text)")
        let hasEmptyLabel = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).contains {
            $0.isEmpty
        }
        guard let id, id.path.isEmpty, !hasEmptyLabel else {
            throw PKIError(
                .invalidName, "\(printable(text)) is not a trust domain",
                hint: "lower-case letters, digits, '.', '-' and '_', such as link.internal"
            )
        }
        rawValue = text
    }

    package var description: String { rawValue }

    /// `spiffe://link.internal`, which the authorities' certificates carry.
    var spiffeID: String { "spiffe://\(rawValue)" }
}

/// A DNS name that a certificate may carry besides the service's own.
enum HostName {
    /// - Throws: ``PKIError`` with `invalid-name` unless it is a host name, perhaps with `*` as its first label.
    static func check(_ text: String) throws(PKIError) {
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let rest = labels.first.map { $0.elementsEqual("*".utf8) } == true && labels.count > 2 ? labels.dropFirst() : labels[...]
        guard text.utf8.count <= 253, !rest.isEmpty, rest.allSatisfy(isLabel) else {
            throw PKIError(
                .invalidName, "\(printable(text)) is not a DNS name", hint: "such as search.example.com, in lower case")
        }
    }

    private static func isLabel(_ label: Substring.UTF8View.SubSequence) -> Bool {
        let hyphen = UInt8(ascii: "-")
        return (1...63).contains(label.count) && label.first != hyphen && label.last != hyphen
            && label.allSatisfy { isLetterOrDigit($0) || $0 == hyphen || $0 == UInt8(ascii: "_") }
    }

    static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

/// What somebody typed, fit for one line of an error.
func printable(_ text: String) -> String {
    let bytes = text.utf8.prefix(80).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }
    return "'" + String(decoding: bytes, as: UTF8.self) + "'"
}
