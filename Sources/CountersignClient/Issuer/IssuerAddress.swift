internal import FoundationEssentials

/// One address of the issuer: an `https` URL without query and fragment, such as `https://tokens.link.internal:8443`.
public struct IssuerAddress: Hashable, Sendable, CustomStringConvertible {
    /// Without a slash at the end.
    public let description: String

    /// - Throws: ``TokenError`` with `invalid-request`.
    public init(_ text: String) throws(TokenError) {
        let isPlain = text.utf8.allSatisfy { 0x21...0x7E ~= $0 }
        guard isPlain, text.utf8.count <= 2048, let url = URL(string: text), url.scheme?.lowercased() == "https",
            let host = url.host(), !host.isEmpty, url.user() == nil, url.password() == nil, url.query() == nil,
            url.fragment() == nil
        else {
            throw TokenError(
                .invalidRequest,
                "\(Self.withoutUser(text)) is not an issuer's address",
                hint: "give it as https://HOST:PORT, without user, query and fragment"
            )
        }
        var text = text
        while text.hasSuffix("/") { text.removeLast() }
        description = text
    }

    /// The text for an error: what stands before a host may be a password.
    private static func withoutUser(_ text: String) -> String {
        let words = text.filter { $0.isASCII && !$0.isNewline }
        return words.lastIndex(of: "@").map { "...\(words[$0...])" } ?? words
    }

    /// What an issuer can be asked for. One of them may be out of order when the others are not.
    enum Endpoint: Hashable, Sendable {
        case token
        case keySet
        case status
    }

    var tokenEndpoint: String { description + "/oauth2/token" }

    var keySetEndpoint: String { description + "/.well-known/jwks.json" }

    var statusEndpoint: String { description + "/.well-known/countersign-status" }
}
