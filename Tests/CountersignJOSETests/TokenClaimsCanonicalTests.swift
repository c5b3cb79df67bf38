import CountersignCrypto
import Testing

@testable import CountersignJOSE

/// Claims as an issuer writes them are read without a parser: what is read so must be what the parser reads.
@Suite("Claims in the form in which they are written")
struct TokenClaimsCanonicalTests {
    private let digest = SHA256.digest(of: [1, 2, 3])

    private func payload(
        roles: [String] = ["reader", "writer"], scope: [String] = ["search:read", "b"], key: Bool = true, holder: Bool = true
    ) throws -> [UInt8] {
        try TokenClaims(
            issuer: "https://issuer.example", serviceID: "user-svc", audience: "search-svc", roles: roles, scope: scope,
            issuedAt: Timestamp(secondsSince1970: 1_700_000_000), expiresAt: Timestamp(secondsSince1970: 1_700_000_300),
            tokenID: "AAAAAAAAAAAAAAAAAAAAAA",
            confirmation: Confirmation(
                certificateSHA256: digest, publicKeySHA256: key ? digest : nil, holderSHA256: holder ? digest : nil)
        ).json()
    }

    @Test("are read, with roles and scope or without")
    func reads() throws {
        for payload in [
            try payload(), try payload(roles: []), try payload(scope: []), try payload(roles: ["a b,c:"], scope: ["x"]),
        ] {
            #expect(try TokenClaims(canonical: payload) == TokenClaims(parsing: payload))
        }
    }

    @Test("are left to the parser when there is more than printable ASCII in them")
    func leavesTheRest() throws {
        for role in ["\u{e9}", "a\"b", "a\\b", "\t"] {
            let payload = try payload(roles: [role])
            #expect(TokenClaims(canonical: payload) == nil)
            #expect(try TokenClaims(json: payload).roles == [role])
        }
    }

    @Test("are never read differently from what the parser says, whichever byte is changed, taken out or put in")
    func agreesWithTheParser() throws {
        let good = try payload(roles: ["r", "s"], scope: ["a", "b"])
        let bytes = Array("\"\\{}[]:, 09-+.eE_Aa=/".utf8) + [0, 0x0A, 0x1F, 0x7F, 0x80, 0xC3, 0xFF]
        var read = 0
        func check(_ payload: [UInt8]) throws {
            guard let claims = TokenClaims(canonical: payload) else { return }
            read += 1
            let text = String(decoding: payload, as: UTF8.self)
            let parsed = try #require(try? TokenClaims(parsing: payload), "\(text)")
            #expect(claims == parsed, "\(text)")
        }
        for index in good.indices {
            var shorter = good
            shorter.remove(at: index)
            try check(shorter)
            for byte in bytes {
                var changed = good
                changed[index] = byte
                try check(changed)
                var longer = good
                longer.insert(byte, at: index)
                try check(longer)
            }
        }
        for count in good.indices { try check(Array(good[..<count])) }
        for byte in bytes { try check(good + [byte]) }
        #expect(read > 1000)
    }

    @Test("may not say more than 64 KiB, like all JSON")
    func bounded() throws {
        let size = try payload(roles: []).count
        let fits = try payload(roles: [String(repeating: "a", count: 65536 - size - 2)])
        #expect(fits.count == 65536)
        #expect(TokenClaims(canonical: fits) != nil)
        let tooLarge = try payload(roles: [String(repeating: "a", count: 65536 - size - 1)])
        #expect(TokenClaims(canonical: tooLarge) == nil)
        #expect(failure { () throws(JOSEError) in try TokenClaims(json: tooLarge) }?.code == .claimsMalformed)
    }
}
