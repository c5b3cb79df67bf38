import Testing

@testable import CountersignClient

/// A token goes where it is for, and nowhere else.
struct AudienceMapTests {
    private let map: AudienceMap

    init() throws {
        map = try AudienceMap([
            "https://search.link.internal": "search-svc", "https://Mail.link.internal:8444/": "mail-svc",
            "https://[::1]:9443": "local",
        ])
    }

    @Test(arguments: [
        ("https://search.link.internal", "search-svc"), ("https://search.link.internal:443/search?q=1#x", "search-svc"),
        ("HTTPS://SEARCH.link.internal/", "search-svc"), ("https://mail.link.internal:8444/a", "mail-svc"),
        ("https://[::1]:9443/", "local"),
    ])
    func theOriginDecides(url: String, audience: String) throws {
        #expect(try map.audience(for: url) == audience)
    }

    @Test(arguments: [
        "http://search.link.internal", "https://search.link.internal:8443", "https://search.link.internal.example",
        "https://search.link.internal@evil.example", "https://user@search.link.internal", "https://mail.link.internal", "search",
        "",
        "https:///search", "https://evil.example/https://search.link.internal",
    ])
    func anywhereElseThereIsNoToken(url: String) {
        #expect(throws: TokenError(.invalidRequest, "")) { try map.audience(for: url) }
    }

    @Test func aMapThatIsNoneIsRefused() {
        #expect(throws: TokenError(.invalidRequest, "")) { try AudienceMap(["http://a": "a"]) }
        #expect(throws: TokenError(.invalidRequest, "")) { try AudienceMap(["https://a": "a", "https://A:443/": "b"]) }
    }
}
