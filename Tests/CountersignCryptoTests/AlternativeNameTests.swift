import CountersignCrypto
import CountersignTesting
import Testing

@Suite struct AlternativeNameTests {
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    @Test func keepsEveryKindInOrder() throws {
        let names: [SubjectAlternativeName] = [
            .dns("a.link.internal"), .dns("*.link.internal"), .uri("spiffe://link.internal/a"), .email("a@link.internal"),
            .ip([10, 0, 0, 1]), .ip([0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]),
        ]
        let certificate = try authority.issue("x", names: names).certificate
        #expect(certificate.subjectAlternativeNames == names)
        #expect(
            names.map(\.description) == [
                "DNS:a.link.internal", "DNS:*.link.internal", "URI:spiffe://link.internal/a", "email:a@link.internal",
                "IP:10.0.0.1",
                "IP:2001:db8:0:0:0:0:0:1",
            ])
    }

    @Test func aCertificateWithMoreNamesThanAnyServiceHasIsNotRead() throws {
        func names(_ count: Int) -> [SubjectAlternativeName] { (0..<count).map { .dns("n\($0)") } }
        #expect(try authority.issue("x", names: names(256)).certificate.subjectAlternativeNames.count == 256)
        let error = #expect(throws: CryptoError(.malformedCertificate, "")) { try authority.issue("x", names: names(257)) }
        #expect(error?.message == "the certificate has 257 alternative names; 256 are read")
    }

    @Test func aCertificateWithoutNamesHasNone() throws {
        let certificate = try authority.issue("x", names: []).certificate
        #expect(certificate.subjectAlternativeNames.isEmpty)
        #expect(certificate.spiffeID == nil)
    }

    @Test func doesNotIssueNamesThatCannotBe() throws {
        let names: [SubjectAlternativeName] = [
            .dns(""), .dns("a b"), .dns("a\u{0}b"), .dns("ä.link.internal"), .uri(""), .uri("spiffe://link.internal/\n"),
            .email(""),
            .ip([]), .ip([1, 2, 3]), .ip([UInt8](repeating: 0, count: 8)), .other,
        ]
        for name in names {
            #expect(throws: CryptoError(.malformedName, "")) { try authority.issue("x", names: [name]) }
        }
    }

    @Test(arguments: [UInt8(0), 0x0a, 0x20, 0x7f, 0x80, 0xff])
    func refusesANameWithAByteOutsidePrintableASCII(byte: UInt8) throws {
        for name: SubjectAlternativeName in [.dns("good.MARKER.bad"), .uri("spiffe://MARKER"), .email("MARKER@bad")] {
            var der = try authority.issue("x", names: [name]).certificate.der
            let start = try #require(der.firstRange(of: Array("MARKER".utf8))?.lowerBound)
            #expect(try Certificate(der: der).subjectAlternativeNames == [name])
            der[start] = byte
            #expect(throws: CryptoError(.malformedCertificate, "")) { try Certificate(der: der) }
        }
    }

    @Test func kindsThatAreNotReadNeverMatch() throws {
        let certificates = OpenSSLCertificates(try TestDirectory())
        let extensions = """
            subjectAltName=@names
            [names]
            otherName.1=1.2.3.4;UTF8:spiffe://link.internal/service/user-svc
            RID.1=1.2.3.4
            dirName.1=dn
            [dn]
            CN=user-svc
            """
        let certificate = try certificates.selfSigned(subject: "/CN=x", extensions: extensions)
        #expect(certificate.subjectAlternativeNames == [.other, .other, .other])
        #expect(certificate.dnsNames.isEmpty && certificate.uris.isEmpty && certificate.spiffeID == nil)
    }

    @Test func agreesWithOpenSSLOnAddresses() throws {
        let certificates = OpenSSLCertificates(try TestDirectory())
        let certificate = try certificates.selfSigned(subject: "/CN=x", extensions: "subjectAltName=IP:10.1.2.3,IP:2001:db8::1")
        #expect(
            certificate.subjectAlternativeNames == [
                .ip([10, 1, 2, 3]), .ip([0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]),
            ])
        for (text, bytes) in [("10.1.2.3", 4), ("255.255.255.255", 4), ("::1", 16), ("2001:db8::1", 16), ("::ffff:10.1.2.3", 16)]
        {
            guard case .ip(let address)? = SubjectAlternativeName(address: text) else {
                Issue.record("\(text) was not read")
                continue
            }
            #expect(address.count == bytes)
        }
        #expect(SubjectAlternativeName(address: "10.1.2.3") == .ip([10, 1, 2, 3]))
        #expect(SubjectAlternativeName(address: "2001:DB8::1") == certificate.subjectAlternativeNames.last)
    }

    @Test(arguments: [
        "", "10", "10.1.2", "10.1.2.3.4", "10.1.2.256", "10.1.2.03", "010.1.2.3", "10.1.2.3 ", " 10.1.2.3", "+1.2.3.4",
        "0x10.1.2.3",
        "10.1.2.-3", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::g", "::1%eth0", "[::1]", "10.1.2.3/24", "localhost",
        "1.2.3.4\u{0}",
        "::1\u{0}x", "::12345",
    ])
    func refusesTextThatIsNotAnAddress(text: String) {
        #expect(SubjectAlternativeName(address: text) == nil)
    }
}
