import Countersign
import CountersignTesting
import Synchronization
import Testing

/// Step 10: what is revoked is refused with its reason, also for a token that was accepted a moment ago on the same connection.
struct RevocationTests {
    private static let authority = Result { try TestAuthority() }
    private static let issuer = Result { try TestIssuer() }

    /// A source that says what it is told.
    private final class Source: RevocationSource {
        private let current = Mutex<Result<Revocations, StatusUnavailable>>(.success(.none))

        func set(_ value: Result<Revocations, StatusUnavailable>) { current.withLock { $0 = value } }

        func revocations(at now: Timestamp) throws(StatusUnavailable) -> Revocations {
            try current.withLock { $0 }.get()
        }
    }

    private func verdicts(_ change: (TestIdentity, KeyID) -> Result<Revocations, StatusUnavailable>) async throws -> (
        before: Verdict, after: Verdict
    ) {
        let authority = try Self.authority.get()
        let issuer = try Self.issuer.get()
        let caller = try authority.issue("user-svc")
        let source = Source()
        let authenticator = Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]),
            trust: .authorities(try PathValidator(anchors: [authority.certificate], revocationLists: nil)),
            callers: CallerPolicy(rules: [.trustDomain(authority.trustDomain)]), keys: FixedKeySource(issuer.keys),
            revocations: source
        )
        let token = try issuer.token(for: caller, service: "user-svc", audience: "search-svc")
        let peer = caller.peer
        let before = await authenticator.authenticate(peer: peer, authorization: ["Bearer \(token)"], at: TestClock.now)
        source.set(change(caller, issuer.keyID))
        return (before, await authenticator.authenticate(peer: peer, authorization: ["Bearer \(token)"], at: TestClock.now))
    }

    private func reason(_ change: (TestIdentity, KeyID) -> Result<Revocations, StatusUnavailable>) async throws -> Reason? {
        let (before, after) = try await verdicts(change)
        #expect(before.refusal == nil)
        return after.refusal?.reason
    }

    @Test func whatIsRevokedIsRefusedByItsReason() async throws {
        #expect(try await reason { _, kid in .success(Revocations(keyIDs: [kid])) } == .keyRevoked)
        #expect(try await reason { _, _ in .success(Revocations(services: ["user-svc"])) } == .serviceRevoked)
        #expect(try await reason { _, _ in .success(Revocations(tokenIDs: ["test-user-svc"])) } == .tokenRevoked)
        #expect(
            try await reason { caller, _ in .success(Revocations(certificateSerials: [caller.certificate.serialHex])) }
                == .certificateDenied
        )
        #expect(
            try await reason { caller, _ in .success(Revocations(publicKeys: [caller.certificate.publicKey.sha256])) }
                == .certificateDenied
        )
    }

    @Test func aServicesTokensFromBeforeAMomentAreRefusedAndLaterOnesAreNot() async throws {
        #expect(
            try await reason { _, _ in .success(Revocations(servicesNotBefore: ["user-svc": TestClock.now.adding(seconds: 1)])) }
                == .serviceRevoked
        )
        #expect(try await reason { _, _ in .success(Revocations(servicesNotBefore: ["user-svc": TestClock.now])) } == nil)
    }

    @Test func whatIsRevokedOfOthersChangesNothing() async throws {
        #expect(
            try await reason { _, _ in
                .success(Revocations(tokenIDs: ["x"], services: ["search-svc"], certificateSerials: ["00"]))
            } == nil
        )
    }

    @Test func notKnowingIs503AndNever401() async throws {
        let (_, after) = try await verdicts { _, _ in .failure(StatusUnavailable("the issuer is silent")) }
        let refusal = try #require(after.refusal)
        #expect(refusal.reason == .statusUnavailable)
        #expect(refusal.status == 503)
        #expect(refusal.retryAfter != nil)
        #expect(refusal.challenge(realm: "search-svc") == nil)
    }
}

extension Verdict {
    fileprivate var refusal: Refusal? {
        if case .refused(let refusal) = self { refusal } else { nil }
    }
}
