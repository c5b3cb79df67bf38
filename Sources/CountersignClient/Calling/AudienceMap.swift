internal import FoundationEssentials

/// Which audience a token has to be for, by where the request goes.
///
/// ```swift
/// let audiences: AudienceMap = ["https://search.link.internal": "search-svc", "https://mail.link.internal:8444": "mail-svc"]
/// ```
///
/// Keys are origins: scheme, host and port, 443 where none is given; a path in them is not looked at. A target that is not in the
/// map gets no token at all, so that none is sent to whoever a link or a redirect names.
public struct AudienceMap: Sendable {
    private let audiences: [String: String]

    /// - Throws: ``TokenError`` with `invalid-request` for an origin that is not `https`, or that is given twice.
    public init(_ audiences: [String: String]) throws(TokenError) {
        var known: [String: String] = [:]
        for (url, audience) in audiences {
            guard let origin = Self.origin(of: url) else {
                throw TokenError(
                    .invalidRequest, "\(url) is not the origin of a service", hint: "give it as https://HOST or https://HOST:PORT"
                )
            }
            guard known.updateValue(audience, forKey: origin) == nil else {
                throw TokenError(.invalidRequest, "\(origin) is given twice")
            }
        }
        self.audiences = known
    }

    /// - Throws: ``TokenError`` with `invalid-request` for a target that is not in the map.
    func audience(for url: String) throws(TokenError) -> String {
        guard let origin = Self.origin(of: url), let audience = audiences[origin] else {
            throw TokenError(
                .invalidRequest, "no audience is known for \(Self.origin(of: url) ?? "this address")",
                hint: "add its origin to the audience map; without that no token is sent there"
            )
        }
        return audience
    }

    private static func origin(of text: String) -> String? {
        guard let url = URL(string: text), url.scheme?.lowercased() == "https", let host = url.host()?.lowercased(),
            !host.isEmpty,
            url.user() == nil, url.password() == nil
        else { return nil }
        return "https://\(host):\(url.port ?? 443)"
    }
}
