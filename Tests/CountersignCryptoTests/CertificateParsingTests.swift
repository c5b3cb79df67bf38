import CountersignCrypto
import CountersignTesting
import Testing

@Suite struct CertificateParsingTests {
    let authority: TestAuthority
    let leaf: Certificate

    init() throws {
        authority = try TestAuthority()
        leaf = try authority.issue("user-svc").certificate
    }

    @Test func knowsItsIssuerByTheSignatureAndNotByTheNameAlone() throws {
        let namesake = try TestAuthority()
        #expect(namesake.certificate.subject == authority.certificate.subject)
        #expect(leaf.isIssued(by: authority.certificate))
        #expect(!leaf.isIssued(by: namesake.certificate))
        #expect(!leaf.isIssued(by: leaf))
        #expect(authority.certificate.isIssued(by: authority.certificate))
    }

    @Test func readsBackWhatItIssued() throws {
        #expect(leaf.subject.description == "CN=user-svc.link.internal,O=Link Service")
        #expect(leaf.issuer == authority.certificate.subject)
        #expect(leaf.dnsNames == ["user-svc.link.internal"])
        #expect(leaf.uris == ["spiffe://link.internal/service/user-svc"])
        #expect(leaf.notBefore == TestClock.now.adding(seconds: -600))
        #expect(leaf.notAfter == TestClock.now.adding(seconds: 3600))
        #expect(leaf.extendedKeyUsages == ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"])
        #expect(!leaf.isCertificateAuthority)
        #expect(authority.certificate.isCertificateAuthority)
        #expect(leaf.serialNumber.count == 16)
        #expect(leaf.sha256 == SHA256.digest(of: leaf.der))
        #expect(try Certificate(der: leaf.der) == leaf)
        #expect(try Certificate.parsePEM(Array((leaf.pem + authority.certificate.pem).utf8)) == [leaf, authority.certificate])
    }

    @Test func aCertificateForMorePurposesThanAnyServiceHasIsNotRead() throws {
        let certificates = OpenSSLCertificates(try TestDirectory())
        func usages(_ count: Int) -> String { "extendedKeyUsage=" + (0..<count).map { "1.2.3.\($0)" }.joined(separator: ",") }
        #expect(try certificates.selfSigned(subject: "/CN=x", extensions: usages(64)).extendedKeyUsages.count == 64)
        let error = #expect(throws: CryptoError(.malformedCertificate, "")) {
            try certificates.selfSigned(subject: "/CN=x", extensions: usages(65), name: "more")
        }
        #expect(error?.message == "the certificate has 65 extended key usages; 64 are read")
    }

    @Test func agreesWithOpenSSLOnWhatItReads() throws {
        let directory = try TestDirectory()
        let file = try directory.write(leaf.pem, to: "leaf.pem")
        func field(_ option: String...) throws -> String {
            let result = try Shell.run("openssl", ["x509", "-in", file, "-noout"] + option)
            return result.standardOutput.split(separator: "=").last.map(String.init) ?? ""
        }
        #expect(try field("-serial").lowercased() == leaf.serialHex)
        #expect(try field("-fingerprint", "-sha256").replacing(":", with: "").lowercased() == leaf.sha256.hex)
        #expect(try field("-enddate") == "Jan 15 09:00:00 2027 GMT")
        let names = try Shell.run("openssl", "x509", "-in", file, "-noout", "-ext", "subjectAltName").standardOutput
        #expect(names.contains("DNS:user-svc.link.internal, URI:spiffe://link.internal/service/user-svc, IP Address:127.0.0.1"))
        let publicKey = try Shell.run("openssl", "x509", "-in", file, "-noout", "-pubkey").output
        let der = try Shell.run("openssl", ["pkey", "-pubin", "-outform", "DER"], input: publicKey).output
        #expect(der == leaf.publicKey.subjectPublicKeyInfo)
    }

    @Test func refusesEveryTruncation() {
        for length in 0..<leaf.der.count {
            #expect(throws: CryptoError(.malformedCertificate, "")) { try Certificate(der: Array(leaf.der.prefix(length))) }
        }
    }

    @Test func refusesTrailingBytesAndHugeInput() throws {
        #expect(throws: CryptoError(.malformedCertificate, "")) { try Certificate(der: leaf.der + [0]) }
        #expect(throws: CryptoError(.malformedCertificate, "")) { try Certificate(der: leaf.der + leaf.der) }
        #expect(throws: CryptoError(.malformedCertificate, "")) {
            try Certificate(der: leaf.der + [UInt8](repeating: 0, count: Certificate.maxBytes))
        }
        #expect(throws: CryptoError(.malformedCertificate, "")) {
            try Certificate(der: [0x30, 0x84, 0x7f, 0xff, 0xff, 0xff])
        }
    }

    /// Whatever a flipped bit does, it neither crashes nor goes unnoticed: the certificate is refused or is another one.
    @Test func survivesEveryFlippedBit() {
        for index in leaf.der.indices {
            for bit in 0..<8 {
                var changed = leaf.der
                changed[index] ^= 1 << bit
                do throws(CryptoError) {
                    let other = try Certificate(der: changed)
                    #expect(other != leaf && other.sha256 != leaf.sha256 && other.der == changed)
                } catch {
                    #expect([.malformedCertificate, .malformedName].contains(error.code), "\(error.code) at \(index)")
                }
            }
        }
    }

    /// One certificate has one encoding; otherwise one certificate would have two fingerprints.
    @Test func refusesEncodingsThatAreNotDER() throws {
        #expect(leaf.der.prefix(2) == [0x30, 0x82])
        let content = leaf.der.dropFirst(4)
        let spellings: [[UInt8]] = [
            [0x30, 0x80] + content + [0, 0],
            [0x30, 0x83, 0] + leaf.der[2..<4] + content,
            [0x30, 0x84, 0, 0] + leaf.der[2..<4] + content,
        ]
        for der in spellings {
            #expect(throws: CryptoError(.malformedCertificate, "")) { try Certificate(der: der) }
        }
    }

    @Test func readsCertificateBlocksAndNothingElse() throws {
        let key = try authority.key.pem().withBytes { String(decoding: $0, as: UTF8.self) }
        let list = try authority.revocationList().pem
        let text = "Some words\n" + key + leaf.pem + list + "more words\n" + authority.certificate.pem + "end"
        #expect(try Certificate.parsePEM(Array(text.utf8)) == [leaf, authority.certificate])
        #expect(try CertificateRevocationList.parsePEM(Array(text.utf8)).map(\.pem) == [list])
        let crlf = leaf.pem.replacing("\n", with: "\r\n")
        #expect(try Certificate.parsePEM(Array(crlf.utf8)) == [leaf])
        for nothing in ["", "gibberish", key, list, "\u{0}"] {
            #expect(throws: CryptoError(.malformedPEM, "")) { try Certificate.parsePEM(Array(nothing.utf8)) }
        }
    }

    @Test func refusesBrokenBlocks() throws {
        let lines = leaf.pem.split(separator: "\n").map(String.init)
        let broken = [
            "-----BEGIN CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            lines.dropLast().joined(separator: "\n"),
            (lines.prefix(3) + lines.suffix(1)).joined(separator: "\n"),
            leaf.pem.replacing("END CERTIFICATE", with: "END SOMETHING"),
        ]
        for text in broken {
            for pem in [text, leaf.pem + text] {
                #expect(throws: CryptoError(.malformedCertificate, ""), "\(pem)") { try Certificate.parsePEM(Array(pem.utf8)) }
            }
        }
    }

    /// OpenSSL's own `TRUSTED CERTIFICATE` form carries trust settings that would overrule the checks.
    @Test func doesNotReadOpenSSLsTrustSettings() throws {
        let directory = try TestDirectory()
        let file = try directory.write(leaf.pem, to: "leaf.pem")
        let trusted = try Shell.run("openssl", "x509", "-in", file, "-addtrust", "clientAuth", "-trustout")
        #expect(trusted.standardOutput.contains("BEGIN TRUSTED CERTIFICATE"))
        #expect(throws: CryptoError(.malformedPEM, "")) { try Certificate.parsePEM(trusted.output) }
    }

    @Test func readsAsManyCertificatesAsAFileMayHold() throws {
        let pem = Array(leaf.pem.utf8)
        let many = (0..<256).flatMap { _ in pem }
        #expect(try Certificate.parsePEM(many).count == 256)
        #expect(throws: CryptoError(.malformedPEM, "")) { try Certificate.parsePEM(many + pem) }
    }

    @Test func refusesARepeatedExtension() throws {
        let directory = try TestDirectory()
        let certificates = OpenSSLCertificates(directory)
        let root = try certificates.root()
        // openssl does not write an extension twice, so a second one of the same length becomes one.
        let other = OpenSSLCertificates.service + "\nissuerAltName=DNS:evil.link.internal"
        let certificate = try certificates.issue("y", under: root, extensions: other).certificate
        // 2.5.29.18, issuerAltName, becomes 2.5.29.17, subjectAltName.
        let start = try #require(certificate.der.firstRange(of: [0x55, 0x1d, 0x12])?.lowerBound)
        var changed = certificate.der
        changed[start + 2] = 0x11
        #expect(throws: CryptoError(.malformedCertificate, "")) { try Certificate(der: changed) }
    }
}
