import CountersignCrypto
import CountersignJSON
import Testing

@testable import CountersignJOSE

/// Claims that need no escaping are written without a JSON library: as jansson writes them, and as it reads them.
@Suite("Claims that are put together without a JSON library")
struct TokenClaimsCanonicalWritingTests {
    private typealias Field = (name: String, set: (inout TokenClaims, String) -> Void)

    private let fields: [Field] = [
        ("iss", { $0.issuer = $1 }), ("sub", { $0.subject = $1 }), ("client_id", { $0.clientID = $1 }),
        ("service_id", { $0.serviceID = $1 }), ("aud", { $0.audience = [$1] }), ("roles", { $0.roles = ["a", $1] }),
        ("scope", { $0.scope = ["a", $1] }), ("jti", { $0.tokenID = $1 }),
    ]

    private func claims(scope: [String] = ["search:read", "b"], key: Bool = true, holder: Bool = true) -> TokenClaims {
        let digest = SHA256.digest(of: [1, 2, 3])
        return TokenClaims(
            issuer: "https://issuer.example", serviceID: "user-svc", audience: "search-svc", roles: ["writer", "reader"],
            scope: scope, issuedAt: Timestamp(secondsSince1970: 1_700_000_000),
            expiresAt: Timestamp(secondsSince1970: 1_700_000_300), tokenID: "AAAAAAAAAAAAAAAAAAAAAA",
            confirmation: Confirmation(
                certificateSHA256: digest, publicKeySHA256: key ? digest : nil, holderSHA256: holder ? digest : nil)
        )
    }

    @Test("are the bytes that jansson writes, and read back as the same claims")
    func agrees() throws {
        var all = [claims(), claims(scope: []), claims(key: false), claims(holder: false), claims(key: false, holder: false)]
        for roles in [[], ["x"], ["b", "a", "B", "a b,c:"], (0..<200).map { "role-\($0)" }] {
            all.append(claims())
            all[all.count - 1].roles = roles
        }
        for seconds: Int64 in [0, 1, 9, 10, 999_999_999, 253_402_300_799] {
            all.append(claims())
            all[all.count - 1].issuedAt = Timestamp(secondsSince1970: seconds)
            all[all.count - 1].notBefore = Timestamp(secondsSince1970: 253_402_300_799 - seconds)
        }
        for claims in all {
            let canonical = try #require(claims.canonical())
            #expect(canonical == (try claims.written()))
            #expect(TokenClaims(canonical: canonical) == (try TokenClaims(parsing: canonical)))
            #expect(try TokenClaims(parsing: canonical).issuedAt == claims.issuedAt)
        }
    }

    @Test("hold every character that needs no escaping, at every place of every text, and no other")
    func everyCharacter() throws {
        let characters = (0...0x180).compactMap(Unicode.Scalar.init) + ["\u{2028}", "\u{FEFF}", "\u{FFFF}", "\u{1F600}"]
        for field in fields {
            for character in characters {
                for text in ["\(character)", "\(character)bc", "a\(character)c", "abcdefghijklmnopq\(character)"] {
                    var changed = claims()
                    field.set(&changed, text)
                    let lowest: Unicode.Scalar = field.name == "scope" ? "!" : " "
                    let isPlain = lowest..."~" ~= character && character != "\"" && character != "\\"
                    let canonical = changed.canonical()
                    #expect((canonical != nil) == isPlain, "\(field.name) \(character.value)")
                    // What cannot be written so is left to jansson, or refused as it always was.
                    let written = Result { try changed.written() }
                    #expect((try? changed.json()) == (try? written.get()))
                    if let canonical {
                        #expect(canonical == (try written.get()))
                    }
                    if let written = try? written.get() {
                        #expect(try TokenClaims(parsing: written).sortedRoles == changed.sortedRoles)
                    }
                }
            }
        }
    }

    @Test("are never claims that must not be written")
    func refuses() {
        for field in fields {
            var changed = claims()
            field.set(&changed, "")
            #expect(changed.canonical() == nil, "\(field.name)")
        }
        for audience in [[], ["a", "b"]] {
            var changed = claims()
            changed.audience = audience
            #expect(changed.canonical() == nil)
        }
        for seconds: Int64 in [-1, .min, 253_402_300_800, .max] {
            for set: (inout TokenClaims, Timestamp) -> Void in [
                { $0.issuedAt = $1 }, { $0.notBefore = $1 }, { $0.expiresAt = $1 },
            ] {
                var changed = claims()
                set(&changed, Timestamp(secondsSince1970: seconds))
                #expect(changed.canonical() == nil)
            }
        }
    }
}
