import Countersign
import CountersignTesting
import Testing

/// Callers that a rule must not let in, however it is put together.
@Suite struct CallerConditionAttacks {
    let receiver: Receiver

    init() throws {
        receiver = try Receiver.shared.get()
    }

    func verdict(
        _ conditions: CallerCondition...,
        from identity: TestIdentity? = nil,
        trust: CertificateTrust? = nil
    ) async throws -> String {
        let identity = identity ?? receiver.caller
        let authenticator = Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]),
            trust: try trust
                ?? .authorities(PathValidator(anchors: [receiver.authority.certificate], revocationLists: nil)),
            callers: CallerPolicy(rules: conditions.map { .when($0) }, requiredSubjectFields: []),
            keys: FixedKeySource(receiver.issuer.keys)
        )
        let token = try receiver.issuer.token(for: identity, service: "user-svc", audience: "search-svc")
        return await receiver.verdict(token, from: identity, by: authenticator)
    }

    let ours = CallerCondition.trustDomain("link.internal")
    let foreign = CallerCondition.trustDomain("evil.internal")

    @Test func allNeedsEveryOneAndAnyNeedsOne() async throws {
        let name = CallerCondition.dnsName("USER-svc.link.internal")
        #expect(try await verdict(.all([ours, name])) == "accepted")
        #expect(try await verdict(.all([ours, .dnsName("other.link.internal")])) == "subject-not-allowed")
        #expect(try await verdict(.any([foreign, name])) == "accepted")
        #expect(try await verdict(.any([foreign, .dnsName("other.link.internal")])) == "subject-not-allowed")
        #expect(try await verdict(foreign, ours) == "accepted")
        #expect(try await verdict(.all([.any([ours, foreign]), .any([name])])) == "accepted")
    }

    @Test func emptyPoliciesAndListsAdmitNobody() async throws {
        #expect(try await verdict() == "subject-not-allowed")
        #expect(try await verdict(.all([])) == "subject-not-allowed")
        #expect(try await verdict(.any([])) == "subject-not-allowed")
        #expect(try await verdict(.not(.any([]))) == "subject-not-allowed")
        #expect(try await verdict(.not(.all([]))) == "subject-not-allowed")
        #expect(try await verdict(.any([.all([]), .any([])])) == "subject-not-allowed")
        #expect(try await verdict(.all([ours, .all([])])) == "accepted")
    }

    @Test func notExcludesAndAdmitsNobodyByItself() async throws {
        let contractors = CallerCondition.subjectField(.organizationalUnit, "Contractors")
        func identity(_ unit: String?) throws -> TestIdentity {
            try receiver.authority.issue(
                "user-svc",
                subject: DistinguishedName(
                    [(.organization, "Link Service")] + (unit.map { [(.organizationalUnit, $0)] } ?? [])
                        + [(.commonName, "user-svc.link.internal")])
            )
        }
        let rule = CallerCondition.all([ours, .not(contractors)])
        #expect(try await verdict(rule, from: identity("Payments")) == "accepted")
        #expect(try await verdict(rule, from: identity("Contractors")) == "subject-not-allowed")
        // Nothing is known of a unit that is not there.
        #expect(try await verdict(rule, from: identity(nil)) == "subject-not-allowed")
        // Alone, twice, and beside other exclusions it speaks for nobody.
        #expect(try await verdict(.not(contractors), from: identity("Payments")) == "subject-not-allowed")
        #expect(try await verdict(.not(.not(ours))) == "subject-not-allowed")
        #expect(try await verdict(.all([.not(foreign), .not(.dnsName("other"))])) == "subject-not-allowed")
        #expect(try await verdict(.any([foreign, .not(foreign)])) == "subject-not-allowed")
        #expect(try await verdict(.all([.any([ours, .not(foreign)]), .dnsName("user-svc.link.internal")])) == "accepted")
    }

    @Test func notDoesNotLetInWhatIsUnknown() async throws {
        let bare = try receiver.authority.issue("user-svc", names: [])
        let name = CallerCondition.subject(receiver.caller.certificate.subject)
        #expect(try await verdict(name, from: bare) == "accepted")
        #expect(try await verdict(.all([name, .not(foreign)])) == "accepted")
        // No SPIFFE ID is not a SPIFFE ID of another domain; no DNS name is not another DNS name.
        #expect(try await verdict(.all([name, .not(foreign)]), from: bare) == "subject-not-allowed")
        #expect(try await verdict(.all([name, .not(.dnsName("evil.internal"))]), from: bare) == "subject-not-allowed")
        #expect(try await verdict(.all([name, .not(.spiffeID(SPIFFEID("spiffe://a/b")))]), from: bare) == "subject-not-allowed")
        // A text that is no host name is neither true nor false.
        #expect(try await verdict(.all([name, .not(.dnsName("*.evil.internal"))])) == "subject-not-allowed")
        // A host of the excluded domain is no service of it, and not outside of it either.
        let host = try receiver.authority.issue("user-svc", names: [.uri("spiffe://evil.internal/host/node1")])
        #expect(try await verdict(name, from: host) == "accepted")
        #expect(try await verdict(.all([name, .not(foreign)]), from: host) == "subject-not-allowed")
    }

    @Test func pinsTheAuthorityByItsPublicKey() async throws {
        let other = try TestAuthority()
        let both = CertificateTrust.authorities(
            try PathValidator(anchors: [receiver.authority.certificate, other.certificate], revocationLists: nil))
        let pin = CallerCondition.issuedBy(publicKeySHA256: receiver.authority.certificate.publicKey.sha256)
        let rule = CallerCondition.all([ours, pin])
        // The same names under an authority of the same name, which the receiver trusts for something else.
        let impostor = try other.issue("user-svc")
        #expect(impostor.certificate.issuer == receiver.caller.certificate.issuer)
        #expect(try await verdict(rule, trust: both) == "accepted")
        #expect(try await verdict(rule, from: impostor, trust: both) == "authority-not-allowed")
        #expect(try await verdict(ours, from: impostor, trust: both) == "accepted")
        #expect(try await verdict(.all([ours, .not(pin)]), from: impostor, trust: both) == "accepted")
        #expect(try await verdict(.all([ours, .not(pin)]), trust: both) == "subject-not-allowed")
        // With something else wrong, that is told.
        #expect(try await verdict(.all([pin, foreign]), from: impostor, trust: both) == "subject-not-allowed")
    }

    @Test func pinsWhoSignedTheCertificateAndNotTheRoot() async throws {
        let (first, second) = (try receiver.authority.intermediate("A"), try receiver.authority.intermediate("B"))
        let pin = CallerCondition.all([ours, .issuedBy(publicKeySHA256: first.certificate.publicKey.sha256)])
        #expect(try await verdict(pin, from: first.issue("user-svc")) == "accepted")
        #expect(try await verdict(pin, from: second.issue("user-svc")) == "authority-not-allowed")
        #expect(try await verdict(pin) == "authority-not-allowed")
        // An authority that only was sent along is not the one that signed.
        let stranger = try second.issue("user-svc")
        let decorated = TestIdentity(
            certificate: stranger.certificate, intermediates: first.intermediates + stranger.intermediates, key: stranger.key)
        #expect(try await verdict(pin, from: decorated) == "authority-not-allowed")
    }

    @Test func aPinIsNeverFulfilledWhereNobodyLookedAtTheAuthority() async throws {
        let pin = CallerCondition.issuedBy(publicKeySHA256: receiver.authority.certificate.publicKey.sha256)
        #expect(try await verdict(ours, trust: .insecureWithoutAuthorities) == "accepted")
        #expect(try await verdict(.all([ours, pin]), trust: .insecureWithoutAuthorities) == "subject-not-allowed")
        #expect(try await verdict(.all([ours, .not(pin)]), trust: .insecureWithoutAuthorities) == "subject-not-allowed")
    }

    @Test func saysWhyNoRuleAdmits() async throws {
        let callers = CallerPolicy(rules: [.when(foreign), .when(.not(foreign)), .when(.dnsName("x"))])
        let authenticator = try receiver.issuer.authenticator(
            audience: "search-svc", trusting: receiver.authority, callers: callers)
        let verdict = await authenticator.authenticate(
            peer: receiver.caller.peer, authorization: ["Bearer \(try receiver.token())"], at: receiver.now)
        let refusal = #expect(throws: Refusal.self) { try verdict.get() }
        #expect(
            refusal?.message == """
                no rule admits CN=user-svc.link.internal,O=Link Service: its SPIFFE ID is of another trust domain; \
                the rule only excludes, and admits nobody; its DNS names are others
                """
        )
    }

    @Test func aRouteCanExclude() async throws {
        let token = try receiver.token()
        #expect(
            await receiver.verdict(token, requiring: .all([.role("reader"), .not(.role("suspended"))])) == "accepted")
        #expect(
            await receiver.verdict(token, requiring: .all([.role("reader"), .not(.scope("search:read"))]))
                == "requirement-excluded")
        #expect(await receiver.verdict(token, requiring: .not(.none)) == "requirement-excluded")
        #expect(await receiver.verdict(token, requiring: .not(.any([]))) == "accepted")
    }
}
