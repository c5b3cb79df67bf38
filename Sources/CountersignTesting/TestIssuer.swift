public import Countersign
public import CountersignCrypto
public import CountersignJOSE

/// A token issuer in memory: good tokens for good tests, and exactly the bad ones that a test of a refusal needs.
///
/// ```swift
/// let authority = try TestAuthority()
/// let caller = try authority.issue("user-svc")
/// let issuer = try TestIssuer()
/// let token = try issuer.token(for: caller, service: "user-svc", audience: "search-svc", roles: ["reader"])
/// let authenticator = try issuer.authenticator(audience: "search-svc", trusting: authority)
/// ```
public struct TestIssuer: Sendable {
    /// The `iss` of its tokens.
    public static let address = "https://tokens.link.internal:8443"

    public let key: RSAPrivateKey
    public let keys: JWKSet
    private let signer: TokenSigner

    /// Makes a key, which costs some 50 ms; share one issuer among tests.
    public init(bitCount: Int = 2048) throws {
        key = try RSAPrivateKey.generate(bitCount: bitCount)
        keys = try JWKSet([JWK(key.publicKey)])
        signer = TokenSigner(key: key)
    }

    public var keyID: KeyID { signer.kid }

    /// The claims of a good token, to be changed by a test. Valid from `now` for five minutes.
    public func claims(
        for identity: TestIdentity,
        service: String,
        audience: String,
        roles: [String] = [],
        scope: [String] = [],
        at now: Timestamp = TestClock.now,
        lifetime: Int64 = 300
    ) -> TokenClaims {
        TokenClaims(
            issuer: Self.address,
            serviceID: service,
            audience: audience,
            roles: roles,
            scope: scope,
            issuedAt: now,
            expiresAt: now.adding(seconds: lifetime),
            tokenID: "test-\(service)",
            confirmation: Confirmation(identity.certificate, authorityKey: identity.authorityKey)
        )
    }

    /// A signed token of these claims.
    public func token(_ claims: TokenClaims) throws -> String {
        try signer.token(for: claims)
    }

    /// A good token.
    public func token(
        for identity: TestIdentity,
        service: String,
        audience: String,
        roles: [String] = [],
        scope: [String] = [],
        at now: Timestamp = TestClock.now
    ) throws -> String {
        try token(claims(for: identity, service: service, audience: audience, roles: roles, scope: scope, at: now))
    }

    /// A token of any header and payload, correctly signed: what a forger with a stolen key, or a careless issuer, could make.
    public func token(header: [UInt8], payload: [UInt8]) throws -> String {
        let input = "\(Base64URL.encode(header)).\(Base64URL.encode(payload))"
        return "\(input).\(Base64URL.encode(try key.signature(for: Array(input.utf8))))"
    }

    /// A receiver that trusts this issuer and `authority`, without revocation lists unless given.
    public func authenticator(
        audience: String,
        trusting authority: TestAuthority,
        revocationLists: [CertificateRevocationList]? = nil,
        callers: CallerPolicy? = nil,
        revocations: Revocations = .none,
        binding: TokenBinding = .strict
    ) throws -> Authenticator {
        Authenticator(
            expecting: Expectations(issuer: Self.address, audiences: [audience]),
            trust: .authorities(
                try PathValidator(anchors: [authority.certificate], revocationLists: revocationLists)
            ),
            callers: callers ?? CallerPolicy(rules: [.trustDomain(authority.trustDomain)]),
            keys: FixedKeySource(keys),
            revocations: revocations,
            binding: binding
        )
    }
}
