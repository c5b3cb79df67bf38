import Countersign
import CountersignClient
import CountersignHummingbird
import CountersignTLS
import CountersignTesting
import Hummingbird
import Testing

// The shorter Swift of docs/guide/receiver.md, compiled. Change both together.

func callerRules() throws -> CallerPolicy {
    let callers = CallerPolicy(
        rules: [
            .spiffeID(try SPIFFEID("spiffe://link.internal/service/user-svc")),
            .subject(try DistinguishedName(rfc4514: "CN=billing.link.internal,O=Link Service"), service: "billing"),
        ],
        requiredSubjectFields: [.commonName, .organization, .organizationalUnit]
    )
    return callers
}

func joinedRules(pem: [UInt8]) throws -> CallerRule {
    let authority = try #require(Certificate.parsePEM(pem).first).publicKey.sha256
    let payments = CallerRule.when(
        .all([
            .any([.trustDomain("link.internal"), .dnsName("billing.partner.example")]),
            .issuedBy(publicKeySHA256: authority),
            .not(.subjectField(.organizationalUnit, "Contractors")),
        ])
    )
    return payments
}

func lenientReceiver(
    _ expectations: Expectations, _ trust: CertificateTrust, _ callers: CallerPolicy, _ keys: any KeySource
) -> Authenticator {
    let authenticator = Authenticator(
        expecting: expectations, trust: trust, callers: callers, keys: keys,
        binding: .sameSubject(issuedWithin: 300, backdating: 300)
    )
    return authenticator
}

func routesWithRequirements(_ router: Router<CallerContext>, _ authenticator: Authenticator) {
    router.add(middleware: AuthenticationMiddleware(authenticator, requiring: .role("reader")))

    router.group("/index")
        .add(middleware: RequirementMiddleware(.all([.role("writer"), .scope("search:write")]), realm: "search-svc"))
        .put { _, context in
            let caller = try context.requireCaller()
            return "\(caller.service) writes until \(caller.expiresAt)"
        }
}

func keysFromAFile() throws -> FileKeySource {
    let keys = try FileKeySource(path: "jwks.json")
    try keys.reload()
    return keys
}

func ownRevocations() -> Revocations {
    let revocations = Revocations(services: ["user-svc"])
    return revocations
}

@Suite struct ReceiverTestingSnippet {
    @Test func admitsOnlyTheHolderOfTheToken() async throws {
        let authority = try TestAuthority()
        let issuer = try TestIssuer()
        let caller = try authority.issue("user-svc")
        let thief = try authority.issue("thief-svc")
        let token = try issuer.token(for: caller, service: "user-svc", audience: "search-svc", roles: ["reader"])
        let authenticator = try issuer.authenticator(audience: "search-svc", trusting: authority)

        let good = await authenticator.authenticate(peer: caller.peer, authorization: ["Bearer \(token)"], at: TestClock.now)
        #expect(try good.get().roles == ["reader"])

        let stolen = await authenticator.authenticate(peer: thief.peer, authorization: ["Bearer \(token)"], at: TestClock.now)
        #expect(throws: Refusal.self) { try stolen.get() }
    }
}
