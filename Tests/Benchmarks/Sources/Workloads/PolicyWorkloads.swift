import Countersign
import CountersignIssuer
import CountersignTesting

extension Workload {
    static let policies = [10, 10_000, 1_000_000].flatMap { size in
        [
            // From a certificate to its service.
            Workload("policy lookup among \(size)", isShort: true) {
                let (scene, turns) = (try Minting(services: size), Turns())
                return { count in
                    for number in turns.take(count) {
                        _ = try scene.policy.service(for: scene.peers[number % scene.peers.count].certificate).get()
                    }
                }
            },
            // From a certificate and a form to the body of the answer: what a token request costs without its connection.
            Workload("mint among \(size)") {
                let (scene, turns) = (try Minting(services: size), Turns())
                return { for number in turns.take($0) { _ = try scene.answer(number) } }
            },
        ]
    }
}

/// An issuer's policy of many services, and callers spread over it.
private struct Minting: Sendable {
    let policy: IssuancePolicy
    /// At most 128 of the services, evenly spread.
    let peers: [Peer]
    private let validator: PathValidator
    private let signer: TokenSigner
    private let form = Array("grant_type=client_credentials&audience=search-svc&scope=search%3Aread".utf8)

    init(services count: Int) throws {
        let fixture = try Fixture.shared.get()
        let grant = AudienceGrant(audience: "search-svc", roles: ["reader", "writer"], scopes: ["search:read", "search:write"])
        let services = try (0..<count).map { number in
            let id = "service-\(number)"
            let criteria = CallerCriteria(spiffeID: try SPIFFEID("spiffe://\(fixture.authority.trustDomain)/service/\(id)"))
            guard let criteria else { throw Unexpected("no criteria") }
            return ServiceEntry(id: id, criteria: criteria, audiences: [grant])
        }
        policy = IssuancePolicy(
            issuer: TestIssuer.address, lifetime: 300, maximumLifetime: 3600,
            requiredSubjectFields: [.commonName, .organization], directory: try ServiceDirectory(services)
        )
        validator = try PathValidator(anchors: [fixture.authority.certificate], revocationLists: nil)
        signer = fixture.signer
        let key = try PrivateKey.generate(.ecP256)
        peers = try stride(from: 0, to: count, by: max(1, count / 128)).map { number in
            try fixture.authority.issue("service-\(number)", key: key).peer
        }
    }

    /// The steps of the token endpoint, in its order.
    func answer(_ number: Int) throws -> [UInt8] {
        let (peer, now) = (peers[number % peers.count], TestClock.now)
        let issuer = TokenIssuer(policy)
        let standing = peer.standing(under: validator, purpose: .client, at: now)
        let caller = try issuer.caller(of: peer, standing: standing).get()
        let request = try TokenRequest(form: form)
        let tokenID = Base64URL.encode(try SecureRandom.bytes(16))
        let claims = try issuer.claims(for: request, from: caller, tokenID: tokenID, at: now).get()
        return TokenAnswer.body(
            token: try signer.token(for: claims), expiresIn: claims.expiresAt.seconds(since: now), refreshIn: 150,
            scope: claims.scope
        )
    }
}
