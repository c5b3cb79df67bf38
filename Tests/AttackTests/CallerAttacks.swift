import Countersign
import CountersignTesting
import Testing

/// Attacks by way of the certificate, its names, and the bond between certificate and token.
@Suite struct CallerAttacks {
    let receiver: Receiver

    init() throws {
        receiver = try Receiver.shared.get()
    }

    @Test func refusesATokenWithoutACertificate() async throws {
        let verdict = await receiver.authenticator.authenticate(
            peer: nil, authorization: ["Bearer \(try receiver.token())"], at: receiver.now
        )
        let refusal = #expect(throws: Refusal.self) { try verdict.get() }
        #expect(refusal?.reason == .noCertificate)
        #expect(verdict.checks.first?.outcome == .failed)
        #expect(await receiver.verdict(try receiver.token()) == "accepted")
    }

    @Test func refusesAStolenToken() async throws {
        // Another good service of the same authority, and the same service with a certificate of its own.
        #expect(await receiver.verdict(try receiver.token(), from: receiver.thief) == "service-mismatch")
        let renewed = try receiver.authority.issue("user-svc")
        #expect(await receiver.verdict(try receiver.token(), from: renewed) == "binding-mismatch")
    }

    @Test func refusesABindingToTheWrongThumbprint() async throws {
        let wrong = try receiver.token { $0.confirmation = Confirmation(certificateSHA256: receiver.thief.certificate.sha256) }
        #expect(await receiver.verdict(wrong) == "binding-mismatch")
        let key = try receiver.token {
            $0.confirmation = Confirmation(certificateSHA256: receiver.caller.certificate.publicKey.sha256)
        }
        #expect(await receiver.verdict(key) == "binding-mismatch")
        #expect(await receiver.verdict(try receiver.token(replacing: "cnf", with: #"{"x5t":"AAAA"}"#)) == "claim-missing")
    }

    @Test func refusesCertificatesThatAreNotGoodNow() async throws {
        func verdict(_ identity: TestIdentity, lists: [CertificateRevocationList]? = nil) async throws -> String {
            let authenticator = try receiver.issuer.authenticator(
                audience: "search-svc", trusting: receiver.authority, revocationLists: lists
            )
            let token = try receiver.issuer.token(for: identity, service: "user-svc", audience: "search-svc")
            return await receiver.verdict(token, from: identity, by: authenticator)
        }
        let authority = receiver.authority
        #expect(try await verdict(receiver.caller) == "accepted")
        #expect(try await verdict(authority.issue("user-svc", until: 0)) == "certificate-expired")
        #expect(try await verdict(authority.issue("user-svc", from: 1)) == "certificate-not-yet-valid")
        #expect(try await verdict(authority.issue("user-svc", role: .service([.server]))) == "certificate-purpose")
        #expect(try await verdict(authority.issue("user-svc", role: .authority(pathLength: nil))) == "certificate-is-ca")
        #expect(try await verdict(TestAuthority().issue("user-svc")) == "certificate-untrusted")
        let good = try authority.revocationList(revoking: [receiver.thief.certificate])
        #expect(try await verdict(receiver.caller, lists: [good]) == "accepted")
        #expect(
            try await verdict(receiver.caller, lists: [authority.revocationList(revoking: [receiver.caller.certificate])])
                == "certificate-revoked")
        #expect(try await verdict(receiver.caller, lists: []) == "crl-missing")
        #expect(try await verdict(receiver.caller, lists: [authority.revocationList(until: -1)]) == "crl-expired")
        #expect(try await verdict(receiver.caller, lists: [authority.revocationList(from: 60)]) == "crl-invalid")
    }

    @Test func answersCannotKnowWhenRevocationIsUnknown() async throws {
        let stale = try receiver.issuer.authenticator(
            audience: "search-svc", trusting: receiver.authority, revocationLists: [receiver.authority.revocationList(until: -1)]
        )
        let verdict = await stale.authenticate(
            peer: receiver.caller.peer, authorization: ["Bearer \(try receiver.token())"], at: receiver.now
        )
        guard case .refused(let refusal) = verdict else { return #expect(Bool(false), "accepted") }
        #expect(refusal.status == 503)
        #expect(refusal.retryAfter != nil)
        #expect(refusal.challenge(realm: "search-svc") == nil)
    }

    @Test func answersCannotKnowWithoutAKeySet() async throws {
        struct NoKeys: KeySource {
            func keySet(at now: Timestamp) throws(KeysUnavailable) -> KeySet { throw KeysUnavailable("the issuer is gone") }
        }
        let lost = Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]),
            trust: .authorities(try PathValidator(anchors: [receiver.authority.certificate], revocationLists: nil)),
            callers: CallerPolicy(rules: [.trustDomain("link.internal")]), keys: NoKeys()
        )
        let verdict = await lost.authenticate(
            peer: receiver.caller.peer, authorization: ["Bearer \(try receiver.token())"], at: receiver.now)
        let refusal = #expect(throws: Refusal.self) { try verdict.get() }
        #expect(refusal?.reason == .keysUnavailable)
        #expect(refusal?.status == 503)
        #expect(refusal?.challenge(realm: "search-svc") == nil)
        #expect(await receiver.verdict(try receiver.token()) == "accepted")
    }

    @Test func saysNothingThatBreaksALogLine() async throws {
        func message(_ token: String) async throws -> String {
            let verdict = await receiver.authenticator.authenticate(
                peer: receiver.caller.peer, authorization: ["Bearer \(token)"], at: receiver.now)
            return try #require(throws: Refusal.self) { try verdict.get() }.message
        }
        let name = "x\n2026-01-01 INFO request accepted\r\u{1b}[2J\u{202e}\u{2028}"
        let forged = try receiver.token { ($0.serviceID, $0.subject, $0.clientID) = (name, name, name) }
        #expect(
            try await message(forged) == """
                the token is of x\\u{a}2026-01-01 INFO request accepted\\u{d}\\u{1b}[2J\\u{202e}\\u{2028}, \
                the certificate of user-svc
                """
        )
        let long = String(repeating: "n", count: 1500)
        let wordy = try receiver.token { ($0.serviceID, $0.subject, $0.clientID) = (long, long, long) }
        #expect(try await message(wordy).utf8.count == 1027)
        let plain = try receiver.token { ($0.serviceID, $0.subject, $0.clientID) = ("é", "é", "é") }
        #expect(try await message(plain) == "the token is of é, the certificate of user-svc")
    }

    @Test func readsNamesInOneWayOnly() async throws {
        func verdict(_ subject: [(DistinguishedName.AttributeType, String)], _ names: [SubjectAlternativeName]) async throws
            -> String
        {
            let identity = try receiver.authority.issue("x", subject: DistinguishedName(subject), names: names)
            let token = try receiver.issuer.token(for: identity, service: "user-svc", audience: "search-svc")
            return await receiver.verdict(token, from: identity)
        }
        let id = SubjectAlternativeName.uri("spiffe://link.internal/service/user-svc")
        let name = (DistinguishedName.AttributeType.commonName, "user-svc.link.internal")
        let organization = (DistinguishedName.AttributeType.organization, "Link Service")
        #expect(try await verdict([organization, name], [id]) == "accepted")
        #expect(
            try await verdict([organization, name, (.commonName, "admin-svc.link.internal")], [id]) == "certificate-ambiguous")
        #expect(
            try await verdict([organization, name], [id, .uri("spiffe://link.internal/service/admin-svc")])
                == "certificate-ambiguous")
        #expect(
            try await verdict([organization, name], [.uri("spiffe://LINK.internal/service/user-svc")]) == "certificate-ambiguous")
        #expect(try await verdict([organization, (.commonName, "admin-svc.link.internal")], [id]) == "certificate-ambiguous")
        #expect(try await verdict([name], [id]) == "subject-incomplete")
        #expect(try await verdict([organization], [id]) == "subject-incomplete")
        #expect(
            try await verdict([organization, name], [.uri("spiffe://other.internal/service/user-svc")]) == "subject-not-allowed")
        #expect(try await verdict([organization, name], []) == "subject-not-allowed")
    }

    @Test func admitsNobodyWithoutARule() async throws {
        let nobody = try receiver.issuer.authenticator(
            audience: "search-svc", trusting: receiver.authority, callers: CallerPolicy(rules: [])
        )
        #expect(await receiver.verdict(try receiver.token(), by: nobody) == "subject-not-allowed")
    }

    @Test func matchesWholeParsedSubjects() async throws {
        func verdict(_ allowed: String) async throws -> String {
            let authenticator = try receiver.issuer.authenticator(
                audience: "search-svc", trusting: receiver.authority,
                callers: CallerPolicy(rules: [.subject(try DistinguishedName(rfc4514: allowed))])
            )
            return await receiver.verdict(try receiver.token(), by: authenticator)
        }
        #expect(try await verdict("CN=user-svc.link.internal,O=Link Service") == "accepted")
        #expect(try await verdict("CN=user-svc.link.internal, O=Link Service") == "accepted")
        #expect(try await verdict("O=Link Service,CN=user-svc.link.internal") == "subject-not-allowed")
        #expect(try await verdict("CN=user-svc.link.internal") == "subject-not-allowed")
        #expect(try await verdict("CN=USER-SVC.link.internal,O=Link Service") == "subject-not-allowed")
        #expect(try await verdict("CN=user-svc.link.internal,O=Link  Service") == "subject-not-allowed")
        #expect(try await verdict("CN=us\u{435}r-svc.link.internal,O=Link Service") == "subject-not-allowed")
        #expect(try await verdict(#"CN=user-svc.link.internal\,O=Link Service"#) == "subject-not-allowed")
    }

    @Test func refusesWhatWasTakenBack() async throws {
        func verdict(_ revocations: Revocations) async throws -> String {
            let authenticator = try receiver.issuer.authenticator(
                audience: "search-svc", trusting: receiver.authority, revocations: revocations
            )
            return await receiver.verdict(try receiver.token(), by: authenticator)
        }
        #expect(try await verdict(.none) == "accepted")
        #expect(try await verdict(Revocations(keyIDs: [receiver.issuer.keyID])) == "key-revoked")
        #expect(try await verdict(Revocations(tokenIDs: ["test-user-svc"])) == "token-revoked")
        #expect(try await verdict(Revocations(services: ["user-svc"])) == "service-revoked")
        #expect(try await verdict(Revocations(services: ["thief-svc"])) == "accepted")
    }
}
