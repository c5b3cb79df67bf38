import CountersignCrypto
import CountersignTesting
import Testing

@Suite struct PathValidatorTests {
    let now = TestClock.now
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    @Test func acceptsACertificateOfTheAuthorityAndRefusesOneOfAnotherWithTheSameName() throws {
        let validator = try PathValidator(anchors: [authority.certificate], revocationLists: nil)
        let good = try authority.issue("user-svc").certificate
        let foreign = try TestAuthority().issue("user-svc").certificate
        let path = try validator.validate(good, intermediates: [], purpose: .client, at: now).get()
        #expect(path.certificates == [good, authority.certificate])
        #expect(path.validFrom == good.notBefore)
        #expect(path.validUntil == good.notAfter)
        #expect(path.revocationKnownUntil == nil)
        #expect(validator.validate(foreign, intermediates: [], purpose: .client, at: now).code == .untrusted)
    }

    @Test func doesNotTakeTheAuthorityOfAnotherFromThePeer() throws {
        let impostor = try TestAuthority()
        let validator = try PathValidator(anchors: [authority.certificate], revocationLists: nil)
        let leaf = try impostor.issue("user-svc").certificate
        let result = validator.validate(leaf, intermediates: [impostor.certificate], purpose: .client, at: now)
        #expect(result.code == .untrusted)
        let both = try PathValidator(anchors: [authority.certificate, impostor.certificate], revocationLists: nil)
        #expect(both.validate(leaf, intermediates: [], purpose: .client, at: now).code == nil)
    }

    @Test func refusesToTrustNobody() {
        #expect(throws: CryptoError(.malformedPEM, "")) { try PathValidator(anchors: [], revocationLists: nil) }
    }

    @Test func followsTheClock() throws {
        let validator = try PathValidator(anchors: [authority.certificate], revocationLists: nil)
        let leaf = try authority.issue("user-svc").certificate
        let code = { validator.validate(leaf, intermediates: [], purpose: .client, at: $0).code }
        #expect(code(leaf.notAfter.adding(seconds: -1)) == nil)
        #expect(code(leaf.notAfter) == .expired)
        #expect(code(leaf.notBefore) == nil)
        #expect(code(leaf.notBefore.adding(seconds: -1)) == .notYetValid)
    }

    @Test(arguments: [Int64.min, -62_167_219_201, 253_402_300_800, Int64.max])
    func refusesEverybodyAtMomentsThatNoCertificateCanName(moment: Int64) throws {
        let validator = try PathValidator(anchors: [authority.certificate], revocationLists: nil)
        let leaf = try authority.issue("user-svc").certificate
        let result = validator.validate(leaf, intermediates: [], purpose: .client, at: Timestamp(secondsSince1970: moment))
        #expect(result.code != nil)
    }

    @Test func refusesTheWrongPurposeAndAnAuthorityAsALeaf() throws {
        let validator = try PathValidator(anchors: [authority.certificate], revocationLists: nil)
        func code(_ role: CertificateTemplate.Role, _ purpose: PathValidator.Purpose) throws -> PathFailure.Code? {
            let leaf = try authority.issue("user-svc", role: role).certificate
            return validator.validate(leaf, intermediates: [], purpose: purpose, at: now).code
        }
        #expect(try code(.service([.server]), .server) == nil)
        #expect(try code(.service([.server]), .client) == .wrongPurpose)
        #expect(try code(.service([.client]), .client) == nil)
        #expect(try code(.service([.client]), .server) == .wrongPurpose)
        #expect(try code(.authority(pathLength: 0), .client) == .authority)
        #expect(validator.validate(authority.certificate, intermediates: [], purpose: .client, at: now).code == .authority)
    }

    @Test func followsAnIntermediateAndItsPathLength() throws {
        let middle = try authority.intermediate(keyKind: .rsa2048)
        let validator = try PathValidator(anchors: [authority.certificate], revocationLists: nil)
        let good = try middle.issue("user-svc")
        let path = try validator.validate(good.certificate, intermediates: good.intermediates, purpose: .client, at: now).get()
        #expect(path.certificates == [good.certificate, middle.certificate, authority.certificate])
        #expect(validator.validate(good.certificate, intermediates: [], purpose: .client, at: now).code == .untrusted)
        let below = try middle.intermediate("Too Deep").issue("user-svc")
        let result = validator.validate(below.certificate, intermediates: below.intermediates, purpose: .client, at: now)
        #expect(result.code == .invalid)
    }

    @Test func readsTheIntermediatesInAnyOrderAndNamesTheOneAtFault() throws {
        let middle = try authority.intermediate("First", pathLength: 1)
        let lower = try middle.intermediate("Second")
        let leaf = try lower.issue("user-svc", until: 7200)
        let validator = try PathValidator(anchors: [authority.certificate], revocationLists: nil)
        let reversed = Array(leaf.intermediates.reversed())
        #expect(validator.validate(leaf.certificate, intermediates: reversed, purpose: .client, at: now).code == nil)
        let late = validator.validate(
            leaf.certificate, intermediates: reversed, purpose: .client, at: middle.certificate.notAfter
        )
        #expect(late.code == .expired)
        #expect(late.message?.contains("CN=First") == true, "\(late.message ?? "")")
    }

    @Test func readsEightIntermediatesAndNoMore() throws {
        let validator = try PathValidator(anchors: [authority.certificate], revocationLists: nil)
        let leaf = try authority.issue("user-svc").certificate
        let junk = try (0..<9).map { try TestAuthority("Junk \($0)").certificate }
        func code(_ count: Int) -> PathFailure.Code? {
            validator.validate(leaf, intermediates: Array(junk.prefix(count)), purpose: .client, at: now).code
        }
        #expect(code(8) == nil)
        #expect(code(9) == .invalid)
        var deepest = try authority.intermediate("1", pathLength: nil)
        for depth in 2...8 { deepest = try deepest.intermediate("\(depth)", pathLength: nil) }
        let deep = try deepest.issue("user-svc")
        #expect(deep.intermediates.count == 8)
        #expect(validator.validate(deep.certificate, intermediates: deep.intermediates, purpose: .client, at: now).code == nil)
    }
}

extension Result<ValidatedPath, PathFailure> {
    /// The reason code of a refusal, `nil` for an acceptance.
    var code: PathFailure.Code? { if case .failure(let failure) = self { failure.code } else { nil } }

    var message: String? { if case .failure(let failure) = self { failure.message } else { nil } }
}
