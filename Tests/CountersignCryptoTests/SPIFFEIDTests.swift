import CountersignCrypto
import CountersignTesting
import Testing

@Suite struct SPIFFEIDTests {
    @Test(arguments: [
        ("spiffe://link.internal/service/user-svc", "link.internal", "/service/user-svc"),
        ("spiffe://link.internal", "link.internal", ""),
        ("spiffe://a", "a", ""),
        ("spiffe://a_b-c.1/A/b_C-d.E/...", "a_b-c.1", "/A/b_C-d.E/..."),
    ])
    func reads(text: String, trustDomain: String, path: String) throws {
        let id = try SPIFFEID(text)
        #expect(id.trustDomain == trustDomain)
        #expect(id.path == path)
        #expect(id.description == text)
    }

    @Test(arguments: [
        "", "spiffe:", "spiffe://", "spiffe:///path", "http://link.internal/a", "SPIFFE://link.internal/a", "Spiffe://a/b",
        "spiffe:/link.internal/a", "spiffe://Link.internal/a", "spiffe://link.internal/", "spiffe://link.internal//a",
        "spiffe://link.internal/a/", "spiffe://link.internal/a//b", "spiffe://link.internal/.", "spiffe://link.internal/a/../b",
        "spiffe://link.internal/a/./b", "spiffe://link.internal:8443/a", "spiffe://user@link.internal/a",
        "spiffe://link.internal/a?b=c", "spiffe://link.internal/a#b", "spiffe://link.internal/a%2fb", "spiffe://link.internal?a",
        "spiffe://link.internal/a b", "spiffe://link.internal/é", "spiffe://lınk.internal/a", "spiffe://[::1]/a",
        "spiffe://link.internal/a\u{0}", "spiffe://link.internal\\a", "spiffe://link.internal/a\n", " spiffe://link.internal/a",
    ])
    func refuses(text: String) {
        #expect(throws: CryptoError(.malformedName, "")) { try SPIFFEID(text) }
    }

    @Test func boundsItsLength() throws {
        let domain = String(repeating: "a", count: 255)
        #expect(try SPIFFEID("spiffe://\(domain)").trustDomain == domain)
        #expect(throws: CryptoError(.malformedName, "")) { try SPIFFEID("spiffe://\(domain)a") }
        let path = String(repeating: "a", count: 2048 - "spiffe://a/".utf8.count)
        #expect(try SPIFFEID("spiffe://a/\(path)").path.utf8.count == path.utf8.count + 1)
        #expect(throws: CryptoError(.malformedName, "")) { try SPIFFEID("spiffe://a/\(path)a") }
    }

    /// Every byte at every place, against the specification's sentences put one by one.
    @Test func allowsTheCharactersOfTheSpecificationOnly() {
        let good = Array("spiffe://a.b/c/..d/e-_".utf8)
        var texts = good.indices.map { Array(good[..<$0]) }
        for index in good.indices {
            for byte in UInt8(0)..<0x80 {
                var (changed, longer) = (good, good)
                changed[index] = byte
                longer.insert(byte, at: index)
                texts += [changed, longer]
            }
        }
        for bytes in texts {
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(((try? SPIFFEID(text)) != nil) == isAllowed(text), "\(text)")
            if let id = try? SPIFFEID(text) { #expect(id.description == text) }
        }
    }

    private func isAllowed(_ text: String) -> Bool {
        guard text.hasPrefix("spiffe://") else { return false }
        let parts = text.dropFirst(9).split(separator: "/", omittingEmptySubsequences: false)
        let (domain, small) = (parts[0], Set("abcdefghijklmnopqrstuvwxyz0123456789.-_"))
        let all = small.union("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        return !domain.isEmpty && domain.allSatisfy(small.contains)
            && parts.dropFirst().allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && $0.allSatisfy(all.contains) }
    }

    @Test func comparesExactly() throws {
        #expect(try SPIFFEID("spiffe://a/B") == SPIFFEID("spiffe://a/B"))
        #expect(try SPIFFEID("spiffe://a/B") != SPIFFEID("spiffe://a/b"))
        #expect(try SPIFFEID("spiffe://a.b/c") != SPIFFEID("spiffe://a/b/c"))
    }

    /// X509-SVID section 2: exactly one URI name, and that a SPIFFE ID.
    @Test func aCertificateHasOneOnlyWhenItIsItsOnlyURI() throws {
        let authority = try TestAuthority()
        func id(_ names: SubjectAlternativeName...) throws -> SPIFFEID? {
            try authority.issue("x", names: names).certificate.spiffeID
        }
        #expect(try id(.dns("a"), .uri("spiffe://a/b")) == SPIFFEID("spiffe://a/b"))
        #expect(try id(.uri("spiffe://a/b"), .uri("spiffe://a/c")) == nil)
        #expect(try id(.uri("spiffe://a/b"), .uri("https://a/b")) == nil)
        #expect(try id(.uri("spiffe://A/b")) == nil)
        #expect(try id(.dns("spiffe://a/b")) == nil)
    }
}
