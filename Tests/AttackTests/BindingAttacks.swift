import Countersign
import CountersignTesting
import Testing

/// Stolen tokens, against each way in which a receiver can let a token survive the renewal of its certificate.
///
/// The token is fetched at `receiver.now` with `receiver.caller`. Each thief has a good certificate and its private key.
@Suite struct BindingAttacks {
    static let successors = TokenBinding.sameSubject(issuedWithin: 120)

    let receiver: Receiver

    init() throws {
        receiver = try Receiver.shared.get()
    }

    /// The verdict a minute after the token was fetched, when certificates issued since are valid.
    func verdict(
        _ token: String? = nil,
        from identity: TestIdentity,
        binding: TokenBinding,
        anchors: [Certificate]? = nil,
        callers: CallerPolicy? = nil
    ) async throws -> String {
        let authenticator = Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]),
            trust: .authorities(
                try PathValidator(anchors: anchors ?? [receiver.authority.certificate], revocationLists: nil)),
            callers: callers ?? CallerPolicy(rules: [.trustDomain("link.internal")]),
            keys: FixedKeySource(receiver.issuer.keys),
            binding: binding
        )
        let later = receiver.now.adding(seconds: 60)
        return await receiver.verdict(
            try token ?? receiver.token(), from: identity, at: later, by: authenticator
        )
    }

    /// Issued 30 s after the token.
    func successor(
        of service: String = "user-svc",
        by authority: TestAuthority? = nil,
        subject: DistinguishedName? = nil,
        names: [SubjectAlternativeName]? = nil,
        from: Int64 = 30,
        key: PrivateKey? = nil
    ) throws -> TestIdentity {
        try (authority ?? receiver.authority).issue(service, subject: subject, names: names, from: from, key: key)
    }

    @Test(arguments: [TokenBinding.strict, .sameKey, successors])
    func everyBindingAcceptsTheCertificateOfTheToken(binding: TokenBinding) async throws {
        #expect(try await verdict(from: receiver.caller, binding: binding) == "accepted")
        // A token of an issuer that knows of no other member is as good.
        let plain = try receiver.token { $0.confirmation = Confirmation(certificateSHA256: $0.confirmation.certificateSHA256) }
        #expect(try await verdict(plain, from: receiver.caller, binding: binding) == "accepted")
    }

    @Test(arguments: [TokenBinding.strict, .sameKey, successors])
    func noBindingLetsAnotherServiceUseTheToken(binding: TokenBinding) async throws {
        #expect(try await verdict(from: receiver.thief, binding: binding) == "service-mismatch")
        #expect(try await verdict(from: try successor(of: "thief-svc"), binding: binding) == "service-mismatch")
    }

    @Test func strictRefusesEveryOtherCertificate() async throws {
        #expect(try await verdict(from: successor(), binding: .strict) == "binding-mismatch")
        #expect(try await verdict(from: successor(key: receiver.caller.key), binding: .strict) == "binding-mismatch")
    }

    @Test func sameKeyAcceptsARenewalOverTheKeyAndNoOther() async throws {
        #expect(try await verdict(from: successor(key: receiver.caller.key), binding: .sameKey) == "accepted")
        #expect(try await verdict(from: successor(), binding: .sameKey) == "binding-mismatch")
        // Of an older certificate over the key too: it is the key that counts.
        #expect(try await verdict(from: successor(from: -600, key: receiver.caller.key), binding: .sameKey) == "accepted")
    }

    @Test func sameKeyNeedsAKeyInTheToken() async throws {
        let renewed = try successor(key: receiver.caller.key)
        let plain = try receiver.token { $0.confirmation = Confirmation(certificateSHA256: $0.confirmation.certificateSHA256) }
        #expect(try await verdict(plain, from: renewed, binding: .sameKey) == "binding-incomplete")
        let foreign = try receiver.token {
            $0.confirmation = Confirmation(
                certificateSHA256: $0.confirmation.certificateSHA256,
                publicKeySHA256: receiver.thief.certificate.publicKey.sha256
            )
        }
        #expect(try await verdict(foreign, from: renewed, binding: .sameKey) == "binding-mismatch")
    }

    @Test func sameSubjectAcceptsTheSuccessorOfTheCertificate() async throws {
        #expect(try await verdict(from: successor(), binding: Self.successors) == "accepted")
    }

    @Test func sameSubjectRefusesAnEqualNameFromAnotherAuthority() async throws {
        let impostor = try TestAuthority()
        let anchors = [receiver.authority.certificate, impostor.certificate]
        #expect(receiver.authority.certificate.subject == impostor.certificate.subject)
        #expect(try await verdict(from: successor(), binding: Self.successors, anchors: anchors) == "accepted")
        #expect(
            try await verdict(from: successor(by: impostor), binding: Self.successors, anchors: anchors) == "binding-mismatch")
    }

    @Test func sameSubjectKnowsTheAuthorityByItsKey() async throws {
        // The authority's own certificate was renewed, over its key.
        let renewed = try CertificateTemplate(
            subject: receiver.authority.certificate.subject, role: .authority(pathLength: nil),
            notBefore: receiver.now.adding(seconds: -10), notAfter: receiver.now.adding(seconds: 7200)
        ).selfSigned(with: receiver.authority.key)
        #expect(renewed != receiver.authority.certificate)
        #expect(try await verdict(from: successor(), binding: Self.successors, anchors: [renewed]) == "accepted")
    }

    @Test func sameSubjectRefusesACertificateThatWasThereBeforeTheToken() async throws {
        #expect(try await verdict(from: successor(from: 1), binding: Self.successors) == "accepted")
        #expect(try await verdict(from: successor(from: 0), binding: Self.successors) == "binding-window")
        #expect(try await verdict(from: successor(from: -600), binding: Self.successors) == "binding-window")
    }

    @Test func sameSubjectRefusesACertificateIssuedLongAfterTheToken() async throws {
        let soon = TokenBinding.sameSubject(issuedWithin: 20)
        #expect(try await verdict(from: successor(from: 20), binding: soon) == "accepted")
        #expect(try await verdict(from: successor(from: 21), binding: soon) == "binding-window")
        #expect(try await verdict(from: successor(from: 1), binding: .sameSubject(issuedWithin: -5)) == "binding-window")
    }

    @Test func sameSubjectAllowsForAuthoritiesThatDateBack() async throws {
        let backdated = TokenBinding.sameSubject(issuedWithin: 120, backdating: 300)
        #expect(try await verdict(from: successor(from: -299), binding: backdated) == "accepted")
        #expect(try await verdict(from: successor(from: -300), binding: backdated) == "binding-window")
    }

    @Test func sameSubjectRefusesAnEqualCommonName() async throws {
        let name = "user-svc.link.internal"
        let id = SubjectAlternativeName.uri("spiffe://link.internal/service/user-svc")
        let callers = CallerPolicy(rules: [.anyTrustedCertificate], requiredSubjectFields: [.commonName])
        func verdict(_ subject: [(DistinguishedName.AttributeType, String)], _ names: [SubjectAlternativeName]) async throws
            -> String
        {
            let thief = try successor(subject: DistinguishedName(subject), names: names)
            return try await self.verdict(from: thief, binding: Self.successors, callers: callers)
        }
        #expect(try await verdict([(.organization, "Link Service"), (.commonName, name)], [id]) == "accepted")
        #expect(try await verdict([(.commonName, name)], [id]) == "binding-mismatch")
        #expect(try await verdict([(.organization, "Other"), (.commonName, name)], [id]) == "binding-mismatch")
        #expect(try await verdict([(.commonName, name), (.organization, "Link Service")], [id]) == "binding-mismatch")
        #expect(
            try await verdict(
                [(.organization, "Link Service"), (.organizationalUnit, "Guests"), (.commonName, name)], [id])
                == "binding-mismatch")
        // The same subject with another SPIFFE ID, or without one.
        let subject = [(DistinguishedName.AttributeType.organization, "Link Service"), (.commonName, name)]
        #expect(try await verdict(subject, [.uri("spiffe://guests.internal/service/user-svc")]) == "binding-mismatch")
        #expect(try await verdict(subject, []) == "binding-mismatch")
    }

    @Test func sameSubjectNeedsTheHolderInTheTokenAndAnAuthority() async throws {
        let renewed = try successor()
        let plain = try receiver.token {
            $0.confirmation = Confirmation(
                certificateSHA256: $0.confirmation.certificateSHA256, publicKeySHA256: $0.confirmation.publicKeySHA256)
        }
        #expect(try await verdict(plain, from: renewed, binding: Self.successors) == "binding-incomplete")
        let unvouched = Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]), trust: .insecureWithoutAuthorities,
            callers: CallerPolicy(rules: [.trustDomain("link.internal")]), keys: FixedKeySource(receiver.issuer.keys),
            binding: Self.successors
        )
        let later = receiver.now.adding(seconds: 60)
        #expect(await receiver.verdict(try receiver.token(), at: later, by: unvouched) == "accepted")
        #expect(await receiver.verdict(try receiver.token(), from: renewed, at: later, by: unvouched) == "binding-mismatch")
    }

    @Test(arguments: ["spki#S256", "holder#S256"])
    func refusesABindingThatIsNoDigest(member: String) async throws {
        let digest = receiver.caller.certificate.sha256
        let good = #""x5t#S256":"\#(Base64URL.encode(digest.bytes))""#
        for value in ["7", "null", #""""#, #""\#(digest.hex)""#, #""\#(Base64URL.encode(digest.bytes))=""#] {
            let token = try receiver.token(replacing: "cnf", with: #"{\#(good),"\#(member)":\#(value)}"#)
            #expect(await receiver.verdict(token) == "claim-type")
        }
        #expect(await receiver.verdict(try receiver.token(replacing: "cnf", with: "{\(good)}")) == "accepted")
    }
}
