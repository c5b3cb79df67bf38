import CountersignCrypto
import Testing

/// RFC 4514 in and out, without a certificate.
@Suite struct DistinguishedNameTextTests {
    typealias Attribute = DistinguishedName.AttributeType

    @Test func readsTheExamplesOfTheStandard() throws {
        #expect(
            try DistinguishedName(rfc4514: "UID=jsmith,DC=example,DC=net")
                == DistinguishedName([(.domainComponent, "net"), (.domainComponent, "example"), (.userID, "jsmith")])
        )
        let sales = try DistinguishedName(rfc4514: "OU=Sales+CN=J.  Smith,DC=example,DC=net")
        #expect(sales.hasMultiValuedRDN)
        #expect(sales.values(of: .commonName).map(\.text) == ["J.  Smith"])
        #expect(
            try DistinguishedName(rfc4514: #"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#).values(of: .commonName).map(\.text)
                == [#"James "Jim" Smith, III"#]
        )
        #expect(
            try DistinguishedName(rfc4514: #"CN=Before\0dAfter,DC=example,DC=net"#).values(of: .commonName).map(\.text)
                == ["Before\rAfter"]
        )
        #expect(try DistinguishedName(rfc4514: #"CN=Lu\C4\8Di\C4\87"#) == DistinguishedName([(.commonName, "Lučić")]))
    }

    @Test(arguments: [
        ("CN=a,O=b", "CN=a,O=b"),
        ("cn = a , o = b", "CN=a,O=b"),
        (#"CN=\ a\ "#, #"CN=\ a\ "#),
        ("CN= a b ,O=c", "CN=a b,O=c"),
        (#"CN=a\2Cb"#, #"CN=a\,b"#),
        (##"CN=\#a"##, ##"CN=\#a"##),
        ("CN=a#b", "CN=a#b"),
        ("CN=a=b", #"CN=a\=b"#),
        ("CN=a/b", "CN=a/b"),
        ("2.5.4.3=a", "CN=a"),
        ("CN=#0c0161", "CN=a"),
        ("CN=#130161", "CN=a"),
        ("1.2.3.4=a", "1.2.3.4=#0c0161"),
        ("OU=b+CN=a", "OU=b+CN=a"),
        ("CN=a+OU=b", "OU=b+CN=a"),
        (#"CN=a\00b"#, #"CN=a\00b"#),
        (#"CN=a\ \ "#, #"CN=a \ "#),
    ])
    func readsAndWrites(text: String, canonical: String) throws {
        let name = try DistinguishedName(rfc4514: text)
        #expect(name.description == canonical)
        #expect(try DistinguishedName(rfc4514: name.description) == name)
    }

    @Test(arguments: [
        "", ",", "CN", "CN=", "=a", "CN=a,", ",CN=a", "CN=a,,O=b", "CN=a+", "+CN=a", "CN=a+,O=b", #"CN=a\"#, #"CN=a\z"#,
        #"CN=a\4"#, #"CN=a\4g"#, #"CN="a""#, "CN=a;O=b", "CN=a<b", "CN=a>b", "CN=a\u{0}b", "XYZ=a", "CN =", "CN= ",
        #"CN=\ff"#, #"CN=\c3"#, "CN=#", "CN=#0c", "CN=#0c02", "CN=#0c0261", "CN=#0c016161", "CN=#0401ff", "CN=#zz", "CN=#0c016",
        "CN=#0c00", "CN=#0c01ff", "CN=#1301e9", "CN=#1602c3a9", "CN=#0c8101", "1=a", "1.=a", ".1=a", "1..2=a", "1.02.3=a",
        "00.1=a", "1.2.a=b", "OID.2.5.4.3=a", "C N=a", "/CN=a/O=b", "CN=a\nO=b,", "\u{212a}N=a",
    ])
    func refuses(text: String) {
        #expect(throws: CryptoError(.malformedName, "")) { try DistinguishedName(rfc4514: text) }
    }

    @Test func refusesTextOverFourKibibytes() throws {
        let value = String(repeating: "a", count: 4093)
        #expect(try DistinguishedName(rfc4514: "CN=" + value).values(of: .commonName).map(\.value.count) == [4093])
        #expect(throws: CryptoError(.malformedName, "")) { try DistinguishedName(rfc4514: "CN=" + value + "a") }
    }

    @Test func doesNotPrintWhatATerminalObeys() throws {
        let name = DistinguishedName([(.commonName, "a\u{1b}[31m\u{9b}1m\u{202e}b\u{2028}\u{feff}\u{e0001}\u{7f}é")])
        #expect(name.description == #"CN=a\1b[31m\c2\9b1m\e2\80\aeb\e2\80\a8\ef\bb\bf\f3\a0\80\81\7fé"#)
        #expect(try DistinguishedName(rfc4514: name.description) == name)
    }

    @Test func comparesBytesAndNothingElse() throws {
        let name = DistinguishedName([(.organization, "Link Service"), (.commonName, "caf\u{e9}")])
        #expect(name == DistinguishedName([(.organization, "Link Service"), (.commonName, "caf\u{e9}")]))
        #expect("caf\u{e9}" == "cafe\u{301}", "Swift calls the two texts equal, which is why names are bytes")
        #expect(name != DistinguishedName([(.organization, "Link Service"), (.commonName, "cafe\u{301}")]))
        #expect(name != DistinguishedName([(.commonName, "caf\u{e9}"), (.organization, "Link Service")]))
        #expect(name != DistinguishedName([(.organization, "link service"), (.commonName, "caf\u{e9}")]))
        #expect(name != DistinguishedName([(.organization, "Link  Service"), (.commonName, "caf\u{e9}")]))
        #expect(name != DistinguishedName([(.organization, "Link Service "), (.commonName, "caf\u{e9}")]))
        #expect(name != DistinguishedName([(.organization, "Link Servic\u{435}"), (.commonName, "caf\u{e9}")]))
        #expect(name != DistinguishedName([(.organizationalUnit, "Link Service"), (.commonName, "caf\u{e9}")]))
        #expect(name != DistinguishedName([(.commonName, "caf\u{e9}")]))
        #expect(name != DistinguishedName([(.organization, "Link Service"), (.commonName, "caf\u{e9}\u{0}")]))
    }

    @Test func anRDNIsASetButNotASeriesOfRDNs() throws {
        let joined = try DistinguishedName(rfc4514: "CN=a+O=b")
        #expect(try joined == DistinguishedName(rfc4514: "O=b+CN=a"))
        #expect(try joined != DistinguishedName(rfc4514: "CN=a,O=b"))
        #expect(joined.hasMultiValuedRDN)
        #expect(try !DistinguishedName(rfc4514: "CN=a,O=b").hasMultiValuedRDN)
        #expect(try DistinguishedName(rfc4514: "CN=a+CN=b").values(of: .commonName).count == 2)
    }
}
