import CountersignTesting
import Testing

@testable import Countersign

/// What a 401 asks for (RFC 6750, section 3.1): an error code only where a token was presented.
@Suite struct ChallengeTests {
    private static let bare = #"Bearer realm="search-svc""#
    private static let withError = #"Bearer realm="search-svc", error="invalid_token""#

    @Test(
        arguments: [
            ([], bare), (["Basic dXNlcjpwYXNz"], bare), (["Bearer a.b.c"], withError), (["Basic x", "bearer a.b.c"], withError),
        ] as [([String], String)])
    func aCertificateThatIsNotGoodIsNoFaultOfATokenThatWasNotSent(authorization: [String], challenge: String) async throws {
        let (authority, issuer) = (try TestAuthority(), try TestIssuer())
        let (expired, revoked) = (try authority.issue("user-svc", until: 60), try authority.issue("user-svc"))
        let authenticator = Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]),
            trust: .authorities(
                try PathValidator(
                    anchors: [authority.certificate],
                    revocationLists: [try authority.revocationList(revoking: [revoked.certificate])]
                )),
            callers: CallerPolicy(rules: [.trustDomain("link.internal")]),
            keys: FixedKeySource(issuer.keys)
        )
        for (peer, reason) in [
            (nil, Reason.noCertificate), (expired.peer, .certificateExpired), (revoked.peer, Reason(.revoked)),
        ] {
            let verdict = await authenticator.authenticate(
                peer: peer, authorization: authorization, at: TestClock.now.adding(seconds: 120))
            guard case .refused(let refusal) = verdict else {
                Issue.record("accepted: \(reason)")
                continue
            }
            #expect(refusal.reason == reason)
            #expect(refusal.challenge(realm: "search-svc") == challenge)
        }
    }
}
