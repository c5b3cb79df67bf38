import CountersignCrypto
import CountersignTesting
import Testing

/// What we issue, as the `openssl` command sees it.
@Suite struct IssuanceTests {
    let directory: TestDirectory
    let root: TestAuthority
    let middle: TestAuthority
    let leaf: TestIdentity

    init() throws {
        directory = try TestDirectory()
        root = try TestAuthority()
        middle = try root.intermediate(keyKind: .rsa2048)
        leaf = try middle.issue("user-svc")
        try directory.write(root.certificate.pem, to: "ca.pem")
        try directory.write(middle.certificate.pem, to: "middle.pem")
        try directory.write(leaf.certificate.pem, to: "leaf.pem")
    }

    func verify(_ options: String...) throws -> Shell.Result {
        try Shell.run(
            "openssl",
            [
                "verify", "-x509_strict", "-attime", "\(TestClock.now.secondsSince1970)", "-CAfile", directory.path("ca.pem"),
                "-untrusted", directory.path("middle.pem"),
            ] + options + [directory.path("leaf.pem")]
        )
    }

    @Test func aPathVerifiesUnderStrictRulesForBothPurposes() throws {
        for purpose in ["sslclient", "sslserver"] {
            let result = try verify("-purpose", purpose)
            #expect(result.succeeded, "\(result)")
        }
        #expect(try !verify("-purpose", "smimesign").succeeded)
        #expect(try verify("-verify_hostname", "user-svc.link.internal").succeeded)
        #expect(try !verify("-verify_hostname", "search-svc.link.internal").succeeded)
        #expect(try verify("-verify_ip", "127.0.0.1").succeeded)
        #expect(try verify("-verify_ip", "::1").succeeded)
    }

    @Test func listsVerifyAndRevoke() throws {
        func lists(_ revoked: [Certificate]) throws -> String {
            let text = try root.revocationList().pem + middle.revocationList(revoking: revoked, number: 2).pem
            return try directory.write(text, to: "crl.pem")
        }
        let good = try verify("-crl_check_all", "-CRLfile", lists([]))
        #expect(good.succeeded, "\(good)")
        let bad = try verify("-crl_check_all", "-CRLfile", lists([leaf.certificate]))
        #expect(!bad.succeeded)
        #expect(bad.standardError.contains("certificate revoked"), "\(bad)")
    }

    @Test func aListReadsAsAVersion2ListOfItsAuthority() throws {
        let file = try directory.write(try middle.revocationList(revoking: [leaf.certificate], number: 7).pem, to: "crl.pem")
        let chain = try directory.write(middle.certificate.pem + root.certificate.pem, to: "chain.pem")
        let result = try Shell.run("openssl", "crl", "-in", file, "-noout", "-text", "-nameopt", "RFC2253", "-CAfile", chain)
        #expect(result.succeeded && result.standardError.contains("verify OK"), "\(result)")
        let text = result.standardOutput
        #expect(text.contains("Version 2"))
        #expect(text.contains("Signature Algorithm: sha256WithRSAEncryption"))
        #expect(text.contains("Issuer: CN=Test Intermediate CA,O=Link Service\n"))
        #expect(text.contains("X509v3 CRL Number: \n                7"), "\(text)")
        #expect(text.contains("Serial Number: \(leaf.certificate.serialHex.uppercased())"))
    }

    @Test func certificatesAreVersion3WithRandomSerialsAndCriticalConstraints() throws {
        let text = try Shell.run("openssl", "x509", "-in", directory.path("leaf.pem"), "-noout", "-text").standardOutput
        for expected in [
            "Version: 3 (0x2)", "X509v3 Basic Constraints: critical\n                CA:FALSE",
            "X509v3 Key Usage: critical\n                Digital Signature",
            "TLS Web Client Authentication, TLS Web Server Authentication", "X509v3 Subject Key Identifier",
            "X509v3 Authority Key Identifier", "Signature Algorithm: sha256WithRSAEncryption",
        ] {
            #expect(text.contains(expected), "\(expected)\n\(text)")
        }
        let authority = try Shell.run("openssl", "x509", "-in", directory.path("middle.pem"), "-noout", "-text").standardOutput
        #expect(authority.contains("CA:TRUE, pathlen:0"))
        #expect(authority.contains("Certificate Sign, CRL Sign"))
        let serials = try Set((0..<20).map { _ in try root.issue("x").certificate.serialHex })
        #expect(serials.count == 20)
        #expect(serials.allSatisfy { $0.utf8.count == 32 && $0.utf8.first.map { $0 < UInt8(ascii: "8") } == true })
    }

    @Test func onlyTheAuthoritysKeyIssuesAndOnlyForATimeThatExists() throws {
        let template = CertificateTemplate(
            subject: DistinguishedName([(.commonName, "x")]), role: .service([.client]), notBefore: TestClock.now,
            notAfter: TestClock.now.adding(seconds: 60)
        )
        let key = try PrivateKey.generate(.ecP256)
        #expect(throws: CryptoError(.keyMismatch, "")) {
            try template.issued(for: key.publicKey, by: root.certificate, key: middle.key)
        }
        #expect(try template.issued(for: key.publicKey, by: root.certificate, key: root.key).publicKey == key.publicKey)
        for (from, until, code) in [
            (60, 60, .operationFailed), (60, 0, .operationFailed), (0, 253_402_300_800, .malformedCertificate),
            (-62_167_219_201, 0, .malformedCertificate), (.min, .max, .operationFailed),
        ] as [(Int64, Int64, CryptoError.Code)] {
            var changed = template
            (changed.notBefore, changed.notAfter) = (Timestamp(secondsSince1970: from), Timestamp(secondsSince1970: until))
            #expect(throws: CryptoError(code, ""), "\(from) to \(until)") {
                try changed.issued(for: key.publicKey, by: root.certificate, key: root.key)
            }
        }
    }

    /// RFC 5280 4.1.2.5: UTCTime to the end of 2049, GeneralizedTime after it; both read back as the same second.
    @Test(arguments: [
        ("1950-01-01T00:00:00Z", "2049-12-31T23:59:59Z"), ("1949-12-31T23:59:59Z", "2050-01-01T00:00:00Z"),
        ("2000-02-29T12:00:00Z", "9999-12-31T23:59:59Z"),
    ])
    func validityReadsBackToTheSecond(from: String, until: String) throws {
        let (begin, end) = (try #require(Timestamp(rfc3339: from)), try #require(Timestamp(rfc3339: until)))
        let key = try PrivateKey.generate(.ecP256)
        let certificate = try CertificateTemplate(
            subject: DistinguishedName([(.commonName, "x")]), role: .service([]), notBefore: begin, notAfter: end
        ).selfSigned(with: key)
        #expect(certificate.notBefore == begin)
        #expect(certificate.notAfter == end)
        #expect(certificate.extendedKeyUsages.isEmpty)
    }
}
