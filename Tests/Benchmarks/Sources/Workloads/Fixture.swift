import Countersign
import CountersignTesting
import Synchronization

/// One issuer, one caller and one receiver, that all workloads share, so that they do the same with the same key.
struct Fixture: Sendable {
    static let shared = Result { try Fixture() }

    let authority: TestAuthority
    let issuer: TestIssuer
    let signer: TokenSigner
    let caller: TestIdentity
    let authenticator: Authenticator
    let claims: TokenClaims
    /// More than a connection remembers: in turns, each is seen for the first time.
    let tokens: [String]
    let rsaKey: RawKey

    private init() throws {
        authority = try TestAuthority()
        issuer = try TestIssuer()
        signer = TokenSigner(key: issuer.key)
        caller = try authority.issue("user-svc")
        authenticator = try issuer.authenticator(audience: "search-svc", trusting: authority)
        let (signer, base) = (
            signer,
            issuer.claims(
                for: caller, service: "user-svc", audience: "search-svc", roles: ["reader", "writer"], scope: ["search:read"]
            )
        )
        claims = base
        tokens = try (10..<74).map { number in
            var claims = base
            claims.tokenID = "token-\(number)-abcdefghijkl"
            return try signer.token(for: claims)
        }
        rsaKey = try issuer.key.pem().withBytes { try RawKey(pem: $0) }
    }

    /// What the signature of a token covers.
    var signingInput: [UInt8] { get throws { try CompactJWS(Array(tokens[0].utf8)).signingInput } }
}

/// Numbers that go on where the last call of a workload ended: a thing done once at a time is done with another token each time.
final class Turns: Sendable {
    private let next = Mutex(0)

    func take(_ count: Int) -> Range<Int> {
        next.withLock { next in
            defer { next += count }
            return next..<next + count
        }
    }
}
