import CountersignCrypto
import CountersignTesting
import Testing

/// Names in certificates, and what the `openssl` command reads in them.
@Suite struct DistinguishedNameCertificateTests {
    static let hostileValues = [
        "a,O=Evil", "a/O=Evil", "a+OU=Evil", #"say "hi""#, "a=b", " leading", "trailing ", "  ", " ", "#hash", "a#b", #"a\"#,
        #"a\,b"#, "a;b", "<a>", "tab\tin", "line\nbreak", "CN=a,O=b", "caf\u{e9}", "cafe\u{301}", "p\u{430}yp\u{430}l",
        "a\u{202e}b", "\u{9b}31m", "日本", "🔑", "a  b", "x\u{7f}", "a\u{0}b", "*", "ß", "\u{10ffff}",
    ]

    let authority: TestAuthority
    let directory: TestDirectory

    init() throws {
        authority = try TestAuthority()
        directory = try TestDirectory()
    }

    /// `openssl x509 -subject` in the RFC 2253 form, with characters outside ASCII left as they are.
    func subjectAsOpenSSLPrintsIt(_ certificate: Certificate) throws -> String {
        let file = try directory.write(certificate.pem, to: "certificate.pem")
        let result = try Shell.run(
            "openssl", "x509", "-in", file, "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb"
        )
        #expect(result.succeeded, "\(result.standardError)")
        return String(result.standardOutput.dropFirst("subject=".count))
    }

    @Test(arguments: hostileValues)
    func keepsAHostileValueAndPrintsItAsOpenSSLDoes(value: String) throws {
        let name = DistinguishedName([(.organization, "Link Service"), (.commonName, value)])
        let certificate = try authority.issue("x", subject: name).certificate
        #expect(certificate.subject == name)
        #expect(certificate.subject.relativeDistinguishedNames.count == 2)
        #expect(certificate.subject.values(of: .commonName).map(\.value) == [Array(value.utf8)])
        #expect(certificate.subject.values(of: .organization).map(\.text) == ["Link Service"])
        #expect(certificate.subject.hasEmbeddedNUL == value.utf8.contains(0))
        #expect(try DistinguishedName(rfc4514: certificate.subject.description) == name)
        #expect(try DistinguishedName(rfc4514: subjectAsOpenSSLPrintsIt(certificate)) == name)
    }

    @Test func printsPlainNamesExactlyAsOpenSSLDoes() throws {
        let names = [
            DistinguishedName([(.organization, "Link Service"), (.commonName, "user-svc.link.internal")]),
            DistinguishedName([
                (.country, "DE"), (.stateOrProvince, "Bayern"), (.locality, "München"), (.organization, "a, b & c"),
                (.organizationalUnit, "x+y"), (.commonName, "#1"), (.serialNumber, "42"), (.userID, "u"),
                (.emailAddress, "a@b.c"),
            ]),
            DistinguishedName([(.domainComponent, "net"), (.domainComponent, "example"), (.commonName, "a;b\"c")]),
        ]
        for name in names {
            let certificate = try authority.issue("x", subject: name).certificate
            #expect(try subjectAsOpenSSLPrintsIt(certificate) == name.description)
        }
    }

    @Test func readsTheNamesOpenSSLWritesInEveryStringType() throws {
        func certificate(_ mask: String, _ subject: String) throws -> Certificate {
            try OpenSSLCertificates(directory).selfSigned(subject: subject, stringMask: mask)
        }
        let printable = try certificate("nombstr", "/O=Link Service/CN=user-svc")
        let utf8 = try certificate("utf8only", "/O=Link Service/CN=user-svc")
        #expect(printable.subject == utf8.subject)
        // PrintableString and its length.
        #expect(printable.der.firstRange(of: [0x13, 8] + Array("user-svc".utf8)) != nil)
        #expect(utf8.der.firstRange(of: [0x0c, 8] + Array("user-svc".utf8)) != nil)
        #expect(utf8.subject == DistinguishedName([(.organization, "Link Service"), (.commonName, "user-svc")]))
        // T61String, read as Latin-1, and BMPString name the same text as UTF8String.
        let cafe = DistinguishedName([(.organization, "Link Service"), (.commonName, "caf\u{e9}")])
        for mask in ["MASK:0x4", "MASK:0x800", "utf8only"] {
            #expect(try certificate(mask, "/O=Link Service/CN=caf\u{e9}").subject == cafe, "\(mask)")
        }
    }

    @Test func keepsAMultiValuedRDNApartFromTwoRDNs() throws {
        let certificates = OpenSSLCertificates(directory)
        let joined = try certificates.selfSigned(subject: "/O=Link Service/CN=user-svc+OU=admin")
        let apart = try certificates.selfSigned(subject: "/O=Link Service/CN=user-svc/OU=admin")
        #expect(joined.subject.hasMultiValuedRDN)
        #expect(!apart.subject.hasMultiValuedRDN)
        #expect(joined.subject != apart.subject)
        #expect(try joined.subject == DistinguishedName(rfc4514: "OU=admin+CN=user-svc,O=Link Service"))
        #expect(try apart.subject == DistinguishedName(rfc4514: "OU=admin,CN=user-svc,O=Link Service"))
        #expect(try DistinguishedName(rfc4514: subjectAsOpenSSLPrintsIt(joined)) == joined.subject)
        let issued = try authority.issue("x", subject: joined.subject).certificate
        #expect(issued.subject == joined.subject)
    }

    @Test func anUnknownAttributeTypeKeepsItsNumber() throws {
        let name = try DistinguishedName(rfc4514: "1.3.6.1.4.1.99999.1=secret,CN=a")
        let certificate = try authority.issue("x", subject: name).certificate
        #expect(certificate.subject == name)
        let printed = try subjectAsOpenSSLPrintsIt(certificate)
        #expect(printed.lowercased() == name.description.lowercased())
    }

    @Test func doesNotIssueWhatANameCannotCarry() throws {
        let tooLong = String(repeating: "a", count: 65)
        for pairs: [(DistinguishedName.AttributeType, String)] in [
            [(.commonName, "")], [(.commonName, tooLong)], [(.country, "DEU")], [(.init(oid: "not an oid"), "a")],
        ] {
            #expect(throws: CryptoError(.malformedName, "")) { try authority.issue("x", subject: DistinguishedName(pairs)) }
        }
        #expect(
            try authority.issue("x", subject: DistinguishedName([(.commonName, String(tooLong.dropFirst()))])).certificate
                .subject.values(of: .commonName).map(\.value.count) == [64])
    }

    @Test func refusesAValueThatIsNotText() throws {
        let der = try authority.issue("x", subject: DistinguishedName([(.commonName, "MARKER")])).certificate.der
        let start = try #require(der.firstRange(of: Array("MARKER".utf8))?.lowerBound)
        func certificate(tag: UInt8, _ value: [UInt8]) throws -> Certificate {
            var changed = der
            changed[start - 2] = tag
            changed.replaceSubrange(start..<(start + value.count), with: value)
            return try Certificate(der: changed)
        }
        #expect(try certificate(tag: 0x0c, Array("MARKET".utf8)).subject == DistinguishedName([(.commonName, "MARKET")]))
        // A bit string, which OpenSSL reads in a name; then an octet string, which it does not.
        #expect(throws: CryptoError(.malformedName, "")) { try certificate(tag: 0x03, [0]) }
        #expect(throws: CryptoError(.malformedCertificate, "")) { try certificate(tag: 0x04, []) }
        // UTF-8 cut short, a surrogate, an over-long slash, five bytes for one character, a byte that never occurs.
        for value: [UInt8] in [[0xc3], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xff]] {
            #expect(throws: CryptoError(.malformedCertificate, "")) { try certificate(tag: 0x0c, value) }
        }
    }
}
