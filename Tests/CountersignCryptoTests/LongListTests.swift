import CountersignTesting
import Testing

@testable import CountersignCrypto

/// A list is checked once, and what depends on the moment and on the chain each time.
@Suite struct LongListTests {
    let now = TestClock.now

    @Test func theListOfAnAnchorIsKnownBeforeTheFirstChain() throws {
        let authority = try TestAuthority()
        let (good, bad) = (try authority.issue("user-svc"), try authority.issue("thief"))
        var revoked = (0..<60_000).map { number in
            CertificateRevocationList.RevokedCertificate(
                serialNumber: [1] + (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } + [1],
                revokedAt: now.adding(seconds: -60))
        }
        revoked.append(.init(serialNumber: bad.certificate.serialNumber, revokedAt: now.adding(seconds: -60)))
        let list = try CertificateRevocationList.issue(
            revoked: revoked, number: 1, thisUpdate: now.adding(seconds: -300), nextUpdate: now.adding(seconds: 300),
            by: authority.certificate, key: authority.key)
        let validator = try PathValidator(anchors: [authority.certificate], revocationLists: [list])
        func code(_ leaf: TestIdentity, after seconds: Int64 = 0) -> PathFailure.Code? {
            validator.validate(
                leaf.certificate, intermediates: [], purpose: .client, at: now.adding(seconds: seconds)
            ).code
        }
        #expect(validator.store.knownSignatures.contains(.init(list: list, authority: authority.certificate)))
        #expect(code(good) == nil)
        #expect(code(bad) == .revoked)
        #expect(code(good, after: 299) == nil)
        #expect(code(good, after: 300) == .revocationListExpired)
        #expect(code(good, after: -301) == .revocationListInvalid)
        #expect(code(bad, after: 0) == .revoked)
    }

    @Test func theListOfAnIntermediateIsKnownOnceAChainThroughItPassed() throws {
        let root = try TestAuthority()
        let middle = try root.intermediate()
        let (good, bad) = (try middle.issue("user-svc"), try middle.issue("thief"))
        let middleList = try middle.revocationList(revoking: [bad.certificate])
        let validator = try PathValidator(
            anchors: [root.certificate], revocationLists: [try root.revocationList(), middleList])
        let pair = KnownListSignatures.Pair(list: middleList, authority: middle.certificate)
        func code(_ leaf: TestIdentity, _ purpose: PathValidator.Purpose = .client) -> PathFailure.Code? {
            validator.validate(leaf.certificate, intermediates: leaf.intermediates, purpose: purpose, at: now).code
        }
        #expect(code(bad) == .revoked)
        #expect(code(try middle.issue("late", until: -1)) == .expired)
        #expect(!validator.store.knownSignatures.contains(pair))
        #expect(code(good) == nil)
        #expect(validator.store.knownSignatures.contains(pair))
        #expect(code(good) == nil)
        #expect(code(bad) == .revoked)
    }

    /// The name and the key of an authority are for everybody to see, and a certificate with both is quickly made.
    @Test func anImpostorWithAnAuthoritysKeyIsNotRemembered() throws {
        let root = try TestAuthority()
        let middle = try root.intermediate()
        let good = try middle.issue("user-svc")
        let middleList = try middle.revocationList()
        let validator = try PathValidator(
            anchors: [root.certificate], revocationLists: [try root.revocationList(), middleList])
        let (certificate, key) = (middle.certificate, middle.key)
        var der = certificate.der
        der[der.count - 1] ^= 1
        let forged = try Certificate(der: der)
        #expect(forged.publicKey == certificate.publicKey && key.matches(forged))
        #expect(
            validator.validate(good.certificate, intermediates: [forged], purpose: .client, at: now).code == .untrusted)
        #expect(!validator.store.knownSignatures.contains(.init(list: middleList, authority: forged)))
    }

    /// An authority whose certificate does not let it sign lists has none, also when it is an anchor with a good signature.
    @Test(arguments: [("keyCertSign,cRLSign", true), ("keyCertSign", false)])
    func aListOfAnAuthorityThatMaySignNoneDoesNotCount(usage: String, isGood: Bool) throws {
        let made = OpenSSLCertificates(try TestDirectory())
        let root = try made.root(
            extensions: "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,\(usage)\nsubjectKeyIdentifier=hash")
        let leaf = try made.issue("user-svc", under: root).certificate
        let validator = try PathValidator(anchors: [root.certificate], revocationLists: [try list(made)])
        let moment = leaf.notBefore.adding(seconds: 60)
        for _ in 0..<2 {
            let code = validator.validate(leaf, intermediates: [], purpose: .client, at: moment).code
            #expect(isGood ? code == nil : code == .revocationListInvalid)
        }
    }

    /// With one list for authorities and one for everybody else (RFC 5280, 5.2.5), neither is enough.
    @Test func aListForSomeCertificatesOnlyDoesNotAnswerForOthers() throws {
        let made = OpenSSLCertificates(try TestDirectory())
        let root = try made.root()
        let leaf = try made.issue("user-svc", under: root).certificate
        let (forUsers, forAuthorities) = (try list(made, only: "onlyuser"), try list(made, only: "onlyCA"))
        let moment = leaf.notBefore.adding(seconds: 60)
        for (lists, isEnough) in [([forUsers, forAuthorities], true), ([forUsers], false), ([forAuthorities], false)] {
            let validator = try PathValidator(anchors: [root.certificate], revocationLists: lists)
            for _ in 0..<2 {
                let verdict = validator.validate(leaf, intermediates: [], purpose: .client, at: moment)
                #expect(verdict.code == (isEnough ? nil : .revocationListMissing))
                // What was found is the list, and that it is not for this.
                if case .failure(let failure) = verdict { #expect(failure.message.lowercased().contains("scope")) }
            }
        }
    }

    private func list(_ made: OpenSSLCertificates, only scope: String? = nil) throws -> CertificateRevocationList {
        let directory = made.directory
        try directory.write("", to: "index.txt")
        let extensions = scope.map { "issuingDistributionPoint=critical,@scope\n[scope]\n\($0)=TRUE\n" } ?? ""
        try directory.write(
            "[ca]\ndefault_ca=root\n[root]\ndatabase=index.txt\n[list]\nauthorityKeyIdentifier=keyid\n" + extensions,
            to: "list.cnf")
        let result = try Shell.run(
            "openssl",
            [
                "ca", "-gencrl", "-config", "list.cnf", "-cert", "root.pem", "-keyfile", "root.key", "-crldays", "1", "-md",
                "sha256", "-crlexts", "list", "-out", "crl.pem",
            ], directory: directory.path(""))
        #expect(result.succeeded, "\(result)")
        return try #require(try CertificateRevocationList.parsePEM(Array(try directory.read("crl.pem"))).first)
    }
}
