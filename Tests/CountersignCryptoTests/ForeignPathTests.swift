import CountersignCrypto
import CountersignTesting
import Testing

/// Paths that `openssl` made and that we would not: each broken in one way, beside the same path unbroken.
@Suite struct ForeignPathTests {
    typealias Made = OpenSSLCertificates.Made

    let certificates: OpenSSLCertificates

    init() throws {
        certificates = OpenSSLCertificates(try TestDirectory())
    }

    func code(
        _ leaf: Made,
        through intermediates: [Made] = [],
        to root: Made,
        purpose: PathValidator.Purpose = .client
    ) throws -> PathFailure.Code? {
        let validator = try PathValidator(anchors: [root.certificate], revocationLists: nil)
        let now = leaf.certificate.notBefore.adding(seconds: 60)
        return validator.validate(
            leaf.certificate, intermediates: intermediates.map(\.certificate), purpose: purpose, at: now
        ).code
    }

    @Test func acceptsAPlainPath() throws {
        let root = try certificates.root()
        let middle = try certificates.issue("middle", under: root, extensions: OpenSSLCertificates.authority)
        #expect(try code(certificates.issue("user-svc", under: root), to: root) == nil)
        #expect(try code(certificates.issue("search-svc", under: middle), through: [middle], to: root) == nil)
    }

    @Test func refusesExpiredAndNotYetValidCertificates() throws {
        let root = try certificates.root()
        let leaf = try certificates.issue("user-svc", under: root).certificate
        let validator = try PathValidator(anchors: [root.certificate], revocationLists: nil)
        func code(_ moment: Timestamp) -> PathFailure.Code? {
            validator.validate(leaf, intermediates: [], purpose: .client, at: moment).code
        }
        #expect(code(leaf.notAfter.adding(seconds: -1)) == nil)
        #expect(code(leaf.notAfter.adding(seconds: 1)) == .expired)
        #expect(code(root.certificate.notBefore.adding(seconds: -1)) == .notYetValid)
    }

    @Test(arguments: [("-sha1", PathFailure.Code.weak), ("-sha224", nil), ("-sha256", nil), ("-sha512", nil)])
    func refusesSHA1Signatures(digest: String, expected: PathFailure.Code?) throws {
        let root = try certificates.root()
        #expect(try code(certificates.issue("user-svc", under: root, digest: digest), to: root) == expected)
        let middle = try certificates.issue("middle", under: root, extensions: OpenSSLCertificates.authority, digest: digest)
        #expect(try code(certificates.issue("below", under: middle), through: [middle], to: root) == expected)
    }

    @Test(arguments: [
        (["rsa:1024"], PathFailure.Code.weak), (["rsa:2048"], nil), (["ec", "-pkeyopt", "ec_paramgen_curve:P-192"], .weak),
        (["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], nil), (["ed25519"], nil),
    ])
    func refusesWeakKeys(key: [String], expected: PathFailure.Code?) throws {
        let root = try certificates.root()
        #expect(try code(certificates.issue("user-svc", under: root, key: key), to: root) == expected)
        // A signature by Ed25519 takes no digest option of its own.
        guard key != ["ed25519"] else { return }
        let middle = try certificates.issue("middle", under: root, extensions: OpenSSLCertificates.authority, key: key)
        #expect(try code(certificates.issue("below", under: middle), through: [middle], to: root) == expected)
    }

    @Test func refusesAnUnknownCriticalExtension() throws {
        let root = try certificates.root()
        let plain = OpenSSLCertificates.service
        let tolerated = try certificates.issue("a", under: root, extensions: plain + "\n1.2.3.4.5=ASN1:UTF8String:unknown")
        #expect(try code(tolerated, to: root) == nil)
        let critical = try certificates.issue(
            "b", under: root, extensions: plain + "\n1.2.3.4.5=critical,ASN1:UTF8String:unknown")
        #expect(try code(critical, to: root) == .invalid)
        let middle = try certificates.issue(
            "middle", under: root, extensions: OpenSSLCertificates.authority + "\n1.2.3.4.5=critical,ASN1:UTF8String:unknown"
        )
        #expect(try code(certificates.issue("c", under: middle), through: [middle], to: root) == .invalid)
    }

    @Test func keepsToTheNamesAnAuthorityIsConstrainedTo() throws {
        let root = try certificates.root()
        let middle = try certificates.issue(
            "middle", under: root,
            extensions: OpenSSLCertificates.authority
                + "\nnameConstraints=critical,permitted;DNS:link.internal,permitted;URI:link.internal"
        )
        func leaf(_ name: String, _ alternativeNames: String) throws -> Made {
            try certificates.issue(
                name, under: middle,
                extensions: """
                    basicConstraints=critical,CA:FALSE
                    extendedKeyUsage=clientAuth
                    subjectAltName=\(alternativeNames)
                    """
            )
        }
        let good = try leaf("good", "DNS:user-svc.link.internal,URI:spiffe://link.internal/service/user-svc")
        #expect(try code(good, through: [middle], to: root) == nil)
        #expect(try code(leaf("dns", "DNS:user-svc.evil.internal"), through: [middle], to: root) == .invalid)
        #expect(try code(leaf("suffix", "DNS:evillink.internal"), through: [middle], to: root) == .invalid)
        #expect(try code(leaf("uri", "URI:spiffe://evil.internal/service/user-svc"), through: [middle], to: root) == .invalid)
        #expect(
            try code(leaf("second", "DNS:user-svc.link.internal,DNS:evil.internal"), through: [middle], to: root) == .invalid
        )
    }

    @Test func keepsToThePathLengthOfARoot() throws {
        let root = try certificates.root(
            extensions: OpenSSLCertificates.authority.replacing("CA:TRUE", with: "CA:TRUE,pathlen:0")
        )
        #expect(try code(certificates.issue("user-svc", under: root), to: root) == nil)
        let middle = try certificates.issue("middle", under: root, extensions: OpenSSLCertificates.authority)
        #expect(try code(certificates.issue("below", under: middle), through: [middle], to: root) == .invalid)
    }

    @Test(arguments: [
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,keyCertSign",
        "keyUsage=critical,digitalSignature,keyCertSign",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature,cRLSign",
        "subjectKeyIdentifier=hash",
    ])
    func refusesAnIntermediateThatIsNoAuthority(extensions: String) throws {
        let root = try certificates.root()
        let middle = try certificates.issue("middle", under: root, extensions: extensions)
        #expect(try code(certificates.issue("user-svc", under: middle), through: [middle], to: root) == .invalid)
    }

    @Test func aServiceCannotIssueCertificates() throws {
        let root = try certificates.root()
        let thief = try certificates.issue("thief", under: root)
        #expect(try code(thief, to: root) == nil)
        #expect(try code(certificates.issue("user-svc", under: thief), through: [thief], to: root) == .invalid)
    }

    @Test(
        arguments: [
            ("extendedKeyUsage=clientAuth", nil, PathFailure.Code.wrongPurpose),
            ("extendedKeyUsage=serverAuth", .wrongPurpose, nil),
            ("extendedKeyUsage=clientAuth,serverAuth", nil, nil),
            ("extendedKeyUsage=emailProtection", .wrongPurpose, .wrongPurpose),
            ("extendedKeyUsage=codeSigning,1.2.3.4", .wrongPurpose, .wrongPurpose),
            ("keyUsage=critical,keyAgreement", nil, nil),
            ("keyUsage=critical,digitalSignature", nil, nil),
            ("keyUsage=critical,cRLSign", .wrongPurpose, .wrongPurpose),
            // No extension: any use (RFC 5280 4.2.1.12).
            ("subjectKeyIdentifier=hash", nil, nil),
        ] as [(String, PathFailure.Code?, PathFailure.Code?)])
    func keepsToTheUsesOfACertificate(extensions: String, client: PathFailure.Code?, server: PathFailure.Code?) throws {
        let root = try certificates.root()
        let leaf = try certificates.issue(
            "user-svc", under: root, extensions: "basicConstraints=critical,CA:FALSE\n" + extensions)
        #expect(try code(leaf, to: root, purpose: .client) == client)
        #expect(try code(leaf, to: root, purpose: .server) == server)
    }

    @Test func anIntermediateForServersDoesNotIssueClients() throws {
        let root = try certificates.root()
        let middle = try certificates.issue(
            "middle", under: root, extensions: OpenSSLCertificates.authority + "\nextendedKeyUsage=serverAuth"
        )
        let leaf = try certificates.issue("user-svc", under: middle)
        #expect(try code(leaf, through: [middle], to: root, purpose: .server) == nil)
        #expect(try code(leaf, through: [middle], to: root, purpose: .client) == .wrongPurpose)
    }

    @Test func refusesASelfSignedCertificateThatNobodyTrusts() throws {
        let root = try certificates.root()
        let lone = try certificates.selfSigned(subject: "/CN=lone", extensions: OpenSSLCertificates.service, name: "lone")
        #expect(try code(Made(name: "lone", certificate: lone), to: root) == .untrusted)
    }

    @Test func refusesAChangedSignature() throws {
        let root = try certificates.root()
        let leaf = try certificates.issue("user-svc", under: root).certificate
        var der = leaf.der
        der[der.count - 1] ^= 1
        let forged = try Certificate(der: der)
        #expect(try code(Made(name: "forged", certificate: forged), to: root) == .untrusted)
    }

    @Test func refusesAChangedSubject() throws {
        let root = try certificates.root()
        let leaf = try certificates.issue("user-svc", under: root).certificate
        var der = leaf.der
        let start = try #require(der.firstRange(of: Array("user-svc".utf8))?.lowerBound)
        der.replaceSubrange(start..<(start + 8), with: Array("admin-sv".utf8))
        let forged = try Certificate(der: der)
        #expect(forged.subject != leaf.subject)
        #expect(try code(Made(name: "forged", certificate: forged), to: root) == .untrusted)
    }
}
