import Countersign
import CountersignTesting
import Testing

/// Callers with a certificate that is wrong in one way, beside the same certificate without the fault, and a token that is bound to
/// it. The certificates are made by `openssl`, the ones that we refuse to make too.
@Suite struct CertificateAttacks {
    typealias Made = OpenSSLCertificates.Made

    let receiver: Receiver
    let certificates: OpenSSLCertificates

    init() throws {
        receiver = try Receiver.shared.get()
        certificates = OpenSSLCertificates(try TestDirectory())
    }

    static let names = "subjectAltName=DNS:user-svc.link.internal,URI:spiffe://link.internal/service/user-svc"
    static let client = """
        basicConstraints=critical,CA:FALSE
        keyUsage=critical,digitalSignature
        extendedKeyUsage=clientAuth
        \(names)
        """

    /// The verdict at a moment, or a minute after the certificate was made.
    func verdict(
        _ leaf: Certificate,
        through intermediates: [Certificate] = [],
        to anchors: [Certificate],
        lists: [CertificateRevocationList]? = nil,
        at moment: Timestamp? = nil
    ) async throws -> String {
        let now = moment ?? max(leaf.notBefore, anchors.map(\.notBefore).max() ?? leaf.notBefore).adding(seconds: 60)
        let authenticator = Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]),
            trust: .authorities(try PathValidator(anchors: anchors, revocationLists: lists)),
            callers: CallerPolicy(rules: [.trustDomain("link.internal")]),
            keys: FixedKeySource(receiver.issuer.keys)
        )
        let token = try receiver.token {
            $0.confirmation = Confirmation(leaf, authorityKey: nil)
            ($0.issuedAt, $0.notBefore, $0.expiresAt) = (now, now, now.adding(seconds: 300))
        }
        let verdict = await authenticator.authenticate(
            peer: Peer(provedPossessionOf: leaf, intermediates: intermediates), authorization: ["Bearer \(token)"], at: now)
        return switch verdict {
        case .accepted: "accepted"
        case .refused(let refusal): refusal.reason.rawValue
        }
    }

    func verdict(_ leaf: Made, through intermediates: [Made] = [], to root: Made) async throws -> String {
        try await verdict(
            leaf.certificate, through: intermediates.map(\.certificate), to: [root.certificate])
    }

    func leaf(
        _ name: String = "user-svc.link.internal", under issuer: Made, adding: String = "", key: [String]? = nil,
        digest: String = "-sha256"
    ) throws -> Made {
        try certificates.issue(
            name, under: issuer, extensions: Self.client + adding,
            key: key ?? ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], digest: digest)
    }

    @Test func acceptsAGoodCertificateDirectlyAndThroughAnIntermediate() async throws {
        let root = try certificates.root()
        #expect(try await verdict(leaf(under: root), to: root) == "accepted")
        let middle = try certificates.issue("middle", under: root, extensions: OpenSSLCertificates.authority)
        #expect(try await verdict(leaf(under: middle), through: [middle], to: root) == "accepted")
    }

    @Test func refusesASelfSignedCertificate() async throws {
        let root = try certificates.root()
        let lone = try certificates.selfSigned(
            subject: "/O=Link Service/CN=user-svc.link.internal", extensions: Self.client, name: "lone")
        #expect(try await verdict(lone, to: [root.certificate]) == "certificate-untrusted")
    }

    @Test func refusesAnAuthorityThatThePeerBringsAlong() async throws {
        let root = try certificates.root()
        let own = try Made(
            name: "own", certificate: certificates.selfSigned(subject: "/O=Link Service/CN=Root", name: "own"))
        #expect(own.certificate.subject == root.certificate.subject)
        let thief = try leaf(under: own)
        #expect(try await verdict(thief, through: [own], to: own) == "accepted")
        #expect(try await verdict(thief, through: [own], to: root) == "certificate-untrusted")
    }

    @Test func refusesACertificateSignedByAService() async throws {
        let root = try certificates.root()
        let thief = try leaf("thief-svc", under: root)
        #expect(try await verdict(leaf(under: thief), through: [thief], to: root) == "certificate-invalid")
    }

    @Test func refusesALongerPathThanTheAuthorityMayHave() async throws {
        let root = try certificates.root(
            extensions: OpenSSLCertificates.authority.replacing("CA:TRUE", with: "CA:TRUE,pathlen:0"))
        #expect(try await verdict(leaf(under: root), to: root) == "accepted")
        let middle = try certificates.issue("middle", under: root, extensions: OpenSSLCertificates.authority)
        #expect(try await verdict(leaf(under: middle), through: [middle], to: root) == "certificate-invalid")
    }

    @Test func refusesNamesTheAuthorityMayNotGive() async throws {
        let root = try certificates.root()
        func middle(_ name: String, _ domain: String) throws -> Made {
            try certificates.issue(
                name, under: root,
                extensions: OpenSSLCertificates.authority
                    + "\nnameConstraints=critical,permitted;DNS:\(domain),permitted;URI:\(domain)")
        }
        let (good, other) = (try middle("good", "link.internal"), try middle("other", "guests.internal"))
        #expect(try await verdict(leaf(under: good), through: [good], to: root) == "accepted")
        #expect(try await verdict(leaf(under: other), through: [other], to: root) == "certificate-invalid")
    }

    @Test func refusesWeakKeysAndDigests() async throws {
        let root = try certificates.root()
        #expect(try await verdict(leaf(under: root, key: ["rsa:2048"]), to: root) == "accepted")
        #expect(try await verdict(leaf(under: root, key: ["rsa:1024"]), to: root) == "certificate-weak")
        #expect(try await verdict(leaf(under: root, digest: "-sha1"), to: root) == "certificate-weak")
    }

    @Test func refusesACriticalExtensionThatNobodyUnderstands() async throws {
        let root = try certificates.root()
        #expect(
            try await verdict(leaf(under: root, adding: "\n1.2.3.4.5=ASN1:UTF8String:x"), to: root) == "accepted")
        #expect(
            try await verdict(leaf(under: root, adding: "\n1.2.3.4.5=critical,ASN1:UTF8String:x"), to: root)
                == "certificate-invalid")
    }

    @Test func refusesOtherPurposes() async throws {
        let root = try certificates.root()
        for (number, usage) in ["serverAuth", "codeSigning", "emailProtection"].enumerated() {
            let extensions = Self.client.replacing("clientAuth", with: usage)
            let leaf = try certificates.issue("purpose\(number)", under: root, extensions: extensions)
            #expect(try await verdict(leaf, to: root) == "certificate-purpose")
        }
        let authority = try certificates.issue("user-svc", under: root, extensions: OpenSSLCertificates.authority)
        #expect(try await verdict(authority, to: root) == "certificate-is-ca")
    }

    @Test func refusesListsThatDoNotSayWhetherItIsRevoked() async throws {
        let authority = receiver.authority
        let caller = receiver.caller.certificate
        func verdict(_ lists: CertificateRevocationList...) async throws -> String {
            try await self.verdict(caller, to: [authority.certificate], lists: lists, at: receiver.now)
        }
        #expect(try await verdict(authority.revocationList()) == "accepted")
        #expect(try await verdict(authority.revocationList(revoking: [caller])) == "certificate-revoked")
        #expect(try await verdict() == "crl-missing")
        #expect(try await verdict(authority.revocationList(from: -7200, until: -3500)) == "crl-expired")
        #expect(try await verdict(authority.revocationList(from: 3500, until: 7200)) == "crl-invalid")
        // Of an authority with the same name and another key, and of one with another name: neither is a list of this one.
        #expect(try await verdict(TestAuthority().revocationList()) == "crl-missing")
        #expect(try await verdict(TestAuthority("Other CA").revocationList()) == "crl-missing")
        // A list of the right authority in which a byte was changed.
        let good = try authority.revocationList(revoking: [caller])
        var der = good.der
        der[der.count - 1] ^= 1
        #expect(try await verdict(CertificateRevocationList(der: der)) == "crl-invalid")
    }

    @Test func needsAListOfEveryAuthority() async throws {
        let middle = try receiver.authority.intermediate()
        let caller = try middle.issue("user-svc")
        let (root, below) = (try receiver.authority.revocationList(), try middle.revocationList())
        func verdict(_ lists: CertificateRevocationList...) async throws -> String {
            try await self.verdict(
                caller.certificate, through: caller.intermediates, to: [receiver.authority.certificate], lists: lists,
                at: receiver.now)
        }
        #expect(try await verdict(root, below) == "accepted")
        #expect(try await verdict(root) == "crl-missing")
        #expect(try await verdict(below) == "crl-missing")
        let revoked = try receiver.authority.revocationList(revoking: [middle.certificate])
        #expect(try await verdict(revoked, below) == "certificate-revoked")
    }
}
