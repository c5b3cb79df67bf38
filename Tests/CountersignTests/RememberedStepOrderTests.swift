import CountersignTesting
import Testing

@testable import Countersign

/// The order of the checks for a token that was accepted a moment ago on its connection: of two things that have changed since,
/// the one that the earlier step finds is the answer.
@Suite struct RememberedStepOrderTests {
    /// In the order of the steps; the raw value is the reason.
    enum Change: String, CaseIterable, CustomTestStringConvertible {
        case certificateRevoked = "certificate-revoked"
        case keyUnknown = "key-unknown"
        case tokenExpired = "token-expired"
        case tokenRevoked = "token-revoked"
        case roleMissing = "role-missing"

        var testDescription: String { rawValue }
    }

    static let pairs = Change.allCases.enumerated().flatMap { index, earlier in
        Change.allCases[(index + 1)...].map { (earlier, $0) }
    }

    private static let authority = Result { try TestAuthority() }
    private static let issuer = Result { try TestIssuer() }
    private static let otherKeys = Result { try TestIssuer().keys }

    @Test(arguments: pairs)
    func ofTwoChangesTheEarlierStepsIsTheAnswer(earlier: Change, later: Change) async throws {
        let (authority, issuer) = (try Self.authority.get(), try Self.issuer.get())
        let caller = try authority.issue("user-svc")
        func validator(revoking certificates: [Certificate] = []) throws -> PathValidator {
            let list = try authority.revocationList(revoking: certificates)
            return try PathValidator(anchors: [authority.certificate], revocationLists: [list])
        }
        let files = ConnectionMemoryTests.Files(try validator())
        let keys = ConnectionMemoryTests.ChangingKeys(issuer.keys)
        let revocations = ConnectionMemoryTests.ChangingRevocations()
        let authenticator = Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]), trust: .authorities(files),
            callers: CallerPolicy(rules: [.trustDomain("link.internal")]), keys: keys, revocations: revocations
        )
        let token = try issuer.token(for: caller, service: "user-svc", audience: "search-svc", roles: ["reader"])
        let peer = caller.peer
        func reason(_ role: String = "reader", at now: Timestamp = TestClock.now) async -> String? {
            let verdict = await authenticator.authenticate(
                peer: peer, authorization: ["Bearer \(token)"], requiring: .role(role), at: now)
            guard case .refused(let refusal) = verdict else { return nil }
            return refusal.reason.rawValue
        }
        #expect(await reason() == nil)
        _ = keys.count()
        #expect(await reason() == nil)
        try #require(keys.count() == 0, "the token is remembered")

        let changes = [earlier, later]
        if changes.contains(.certificateRevoked) { files.replace(with: try validator(revoking: [caller.certificate])) }
        if changes.contains(.keyUnknown) { keys.replace(with: try Self.otherKeys.get()) }
        if changes.contains(.tokenRevoked) { revocations.replace(with: Revocations(tokenIDs: ["test-user-svc"])) }
        let late = changes.contains(.tokenExpired) ? TestClock.now.adding(seconds: 300) : TestClock.now
        #expect(await reason(changes.contains(.roleMissing) ? "writer" : "reader", at: late) == earlier.rawValue)
    }
}
