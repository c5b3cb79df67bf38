import CountersignCrypto
import CountersignTesting
import Testing

@Suite struct RevocationTests {
    let now = TestClock.now
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    func verdict(
        _ leaf: TestIdentity,
        _ lists: [CertificateRevocationList],
        at moment: Timestamp = TestClock.now
    ) throws -> PathFailure.Code? {
        let validator = try PathValidator(anchors: [authority.certificate], revocationLists: lists)
        return validator.validate(leaf.certificate, intermediates: leaf.intermediates, purpose: .client, at: moment).code
    }

    @Test func refusesRevokedStaleEarlyMissingAndForeignLists() throws {
        let (good, bad) = (try authority.issue("user-svc"), try authority.issue("thief"))
        let list = try authority.revocationList(revoking: [bad.certificate], until: 300)
        #expect(try verdict(good, [list]) == nil)
        #expect(try verdict(bad, [list]) == .revoked)
        #expect(try verdict(good, []) == .revocationListMissing)
        #expect(try verdict(good, [list], at: now.adding(seconds: 301)) == .revocationListExpired)
        #expect(try verdict(good, [list], at: now.adding(seconds: -301)) == .revocationListInvalid)
    }

    @Test func refusesTheListOfAnotherAuthorityWithTheSameName() throws {
        let leaf = try authority.issue("user-svc")
        #expect(try verdict(leaf, [try authority.revocationList()]) == nil)
        #expect(try verdict(leaf, [try TestAuthority().revocationList()]) == .revocationListMissing)
    }

    @Test func refusesAListWithAForgedSignature() throws {
        let leaf = try authority.issue("user-svc")
        var der = try authority.revocationList().der
        der[der.count - 1] ^= 1
        #expect(try verdict(leaf, [try CertificateRevocationList(der: der)]) == .revocationListInvalid)
    }

    /// The digest of RSASSA-PSS is a parameter, so that the name of the algorithm does not tell.
    @Test(arguments: [
        (["-md", "sha1"], false), (["-md", "sha256"], true),
        (["-md", "sha1", "-sigopt", "rsa_padding_mode:pss"], false),
        (["-md", "sha256", "-sigopt", "rsa_padding_mode:pss"], true),
    ])
    func aListThatIsSignedWithTooWeakADigestIsRefused(options: [String], isStrong: Bool) throws {
        let made = OpenSSLCertificates(try TestDirectory())
        let root = try made.selfSigned(subject: "/CN=Root", key: ["rsa:2048"])
        let directory = made.directory
        try directory.write("", to: "index.txt")
        try directory.write("[ca]\ndefault_ca=root\n[root]\ndatabase=index.txt\n", to: "ca.cnf")
        let result = try Shell.run(
            "openssl",
            [
                "ca", "-gencrl", "-config", "ca.cnf", "-cert", "root.pem", "-keyfile", "root.key", "-crldays", "1", "-out",
                "crl.pem",
            ]
                + options,
            directory: directory.path(""))
        #expect(result.succeeded, "\(result)")
        let pem = Array(try directory.read("crl.pem"))
        if isStrong {
            let list = try #require(try CertificateRevocationList.parsePEM(pem).first)
            #expect(list.isSigned(by: root))
            #expect(try !list.isSigned(by: made.selfSigned(subject: "/CN=Root", key: ["rsa:2048"], name: "impostor")))
        } else {
            let error = #expect(throws: CryptoError.self) { try CertificateRevocationList.parsePEM(pem) }
            #expect(error?.code == .malformedRevocationList)
        }
    }

    @Test func needsAListFromEveryAuthorityOfThePath() throws {
        let middle = try authority.intermediate()
        let leaf = try middle.issue("user-svc")
        let (rootList, middleList) = (try authority.revocationList(), try middle.revocationList())
        #expect(try verdict(leaf, [rootList, middleList]) == nil)
        #expect(try verdict(leaf, [middleList]) == .revocationListMissing)
        #expect(try verdict(leaf, [rootList]) == .revocationListMissing)
        #expect(try verdict(leaf, [try authority.revocationList(revoking: [middle.certificate]), middleList]) == .revoked)
    }

    @Test func aRevokedSerialOfOneAuthorityIsNotThatOfAnother() throws {
        let middle = try authority.intermediate()
        let leaf = try middle.issue("user-svc")
        // The root's list names the leaf's serial number, but the root did not issue it.
        let lists = [try authority.revocationList(revoking: [leaf.certificate]), try middle.revocationList()]
        #expect(try verdict(leaf, lists) == nil)
    }

    @Test func aPeerIsCheckedAgainWhenItsCertificateOrTheListRunsOut() throws {
        let leaf = try authority.issue("user-svc", until: 600)
        let peer = leaf.peer
        let first = try PathValidator(
            anchors: [authority.certificate], revocationLists: [try authority.revocationList(until: 300)]
        )
        #expect(peer.standing(under: first, purpose: .client, at: now).code == nil)
        #expect(peer.standing(under: first, purpose: .client, at: now.adding(seconds: 299)).code == nil)
        #expect(peer.standing(under: first, purpose: .client, at: now.adding(seconds: 301)).code == .revocationListExpired)
        let newer = try PathValidator(
            anchors: [authority.certificate], revocationLists: [try authority.revocationList(revoking: [leaf.certificate])]
        )
        #expect(peer.standing(under: newer, purpose: .client, at: now).code == .revoked)
        let open = try PathValidator(anchors: [authority.certificate], revocationLists: nil)
        #expect(peer.standing(under: open, purpose: .client, at: leaf.certificate.notAfter.adding(seconds: -1)).code == nil)
        #expect(peer.standing(under: open, purpose: .client, at: leaf.certificate.notAfter).code == .expired)
    }

    @Test func aPeerGoodAsAClientIsNotThereforeGoodAsAServer() throws {
        let peer = try authority.issue("user-svc", role: .service([.client])).peer
        let validator = try PathValidator(anchors: [authority.certificate], revocationLists: nil)
        #expect(peer.standing(under: validator, purpose: .client, at: now).code == nil)
        #expect(peer.standing(under: validator, purpose: .server, at: now).code == .wrongPurpose)
    }

    @Test func aPeerIsCheckedAgainWhenAnotherListBegins() throws {
        let leaf = try authority.issue("user-svc")
        let peer = leaf.peer
        let validator = try PathValidator(
            anchors: [authority.certificate],
            revocationLists: [
                try authority.revocationList(number: 1, until: 3000),
                try authority.revocationList(revoking: [leaf.certificate], number: 2, from: 100, until: 900),
            ]
        )
        #expect(peer.standing(under: validator, purpose: .client, at: now).code == nil)
        #expect(peer.standing(under: validator, purpose: .client, at: now.adding(seconds: 200)).code == .revoked)
    }

    @Test func aPeerIsCheckedAgainByAClockThatGoesBackBehindTheList() throws {
        let validator = try PathValidator(
            anchors: [authority.certificate], revocationLists: [try authority.revocationList(from: -300)])
        let peer = try authority.issue("user-svc").peer
        func code(_ moment: Timestamp) -> PathFailure.Code? { peer.standing(under: validator, purpose: .client, at: moment).code }
        #expect(code(now) == nil)
        #expect(code(now.adding(seconds: -299)) == nil)
        #expect(code(now.adding(seconds: -301)) == .revocationListInvalid)
        #expect(code(now) == nil)
    }

    @Test func keepsWhatAListSays() throws {
        let bad = try authority.issue("thief").certificate
        let list = try authority.revocationList(revoking: [bad], number: 7)
        #expect(list.issuer == authority.certificate.subject)
        #expect(list.thisUpdate == now.adding(seconds: -300))
        #expect(list.nextUpdate == now.adding(seconds: 3600))
        #expect(list.revoked == [.init(serialNumber: bad.serialNumber, revokedAt: now.adding(seconds: -60))])
        #expect(list.revoked.first?.serialHex == bad.serialHex)
        let pem = list.pem + (try authority.revocationList().pem)
        #expect(try CertificateRevocationList.parsePEM(Array(pem.utf8)).map(\.revoked.count) == [1, 0])
    }

    @Test func anAuthorityDoesNotSignWithTheKeyOfAnother() throws {
        let other = try TestAuthority()
        #expect(throws: CryptoError(.keyMismatch, "")) {
            try CertificateRevocationList.issue(
                revoked: [], number: 1, thisUpdate: now, nextUpdate: now.adding(seconds: 60), by: authority.certificate,
                key: other.key
            )
        }
    }

    @Test func refusesBytesThatAreNotAList() throws {
        let der = try authority.revocationList().der
        for bytes in [[], [0x30], Array(der.dropLast()), der + [0], authority.certificate.der] {
            #expect(throws: CryptoError(.malformedRevocationList, "")) { try CertificateRevocationList(der: bytes) }
        }
        #expect(throws: CryptoError(.malformedPEM, "")) {
            try CertificateRevocationList.parsePEM(Array(authority.certificate.pem.utf8))
        }
        #expect(throws: CryptoError(.malformedRevocationList, "")) {
            try CertificateRevocationList.parsePEM(
                Array("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n".utf8)
            )
        }
    }
}
