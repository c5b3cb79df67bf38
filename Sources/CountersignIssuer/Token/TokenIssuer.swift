public import CountersignCrypto
public import CountersignJOSE
internal import CountersignJSON

/// Decides whether a certificate and a request get a token, and which.
///
/// Pure: policy, certificate, request, time and the token's random identifier go in; claims or a refusal come out. The token
/// endpoint and `policy explain` both ask here, so what the one explains is what the other does.
public struct TokenIssuer: Sendable {
    public let policy: IssuancePolicy

    public init(_ policy: IssuancePolicy) {
        self.policy = policy
    }

    /// The service that calls.
    ///
    /// Asked on every request, because connections outlive certificates, revocation lists and policies. Fails closed: when
    /// revocation cannot be judged (`crl-expired` and the like) nobody gets a token, and the answer is 503, for the caller can do
    /// nothing about it.
    ///
    /// - Parameters:
    ///   - certificate: The client certificate of the connection.
    ///   - standing: What path validation for client authentication says of it now.
    /// - Returns: The caller, or a refusal with the reason of ``PathFailure`` or ``ServiceRefusal``.
    public func caller(
        with certificate: Certificate, standing: Result<ValidatedPath, PathFailure>
    ) -> Result<TokenCaller, TokenRefusal> {
        caller(with: certificate, policy.service(for: certificate), standing)
    }

    /// The same for a connection, which is cheaper: which service it is of is looked up once.
    public func caller(of peer: Peer, standing: Result<ValidatedPath, PathFailure>) -> Result<TokenCaller, TokenRefusal> {
        caller(with: peer.certificate, policy.service(of: peer), standing)
    }

    private func caller(
        with certificate: Certificate, _ service: Result<ServiceEntry, ServiceRefusal>,
        _ standing: Result<ValidatedPath, PathFailure>
    ) -> Result<TokenCaller, TokenRefusal> {
        switch (standing, service) {
        case (.failure(let failure), _):
            .failure(TokenRefusal(failure))
        case (.success, .failure(let refusal)):
            .failure(TokenRefusal(refusal))
        case (.success(let path), .success(let service)):
            .success(TokenCaller(service: service, certificate: certificate, path: path))
        }
    }

    /// The claims of the token that the caller gets.
    ///
    /// - Parameters:
    ///   - tokenID: The `jti` claim, never used before.
    ///   - now: The `iat` claim.
    /// - Returns: The claims, or the first reason why there is no token.
    public func claims(
        for request: TokenRequest, from caller: TokenCaller, tokenID: String, at now: Timestamp
    ) -> Result<TokenClaims, TokenRefusal> {
        do {
            let service = caller.service
            try checkClient(request, service)
            let grant = try grant(for: request.target, service)
            let scopes = try scopes(for: request.scope, grant)
            return .success(
                TokenClaims(
                    issuer: policy.issuer,
                    serviceID: service.id,
                    audience: grant.audience,
                    roles: grant.roles,
                    scope: scopes,
                    issuedAt: now,
                    expiresAt: try expiry(requested: request.lifetime, grant, caller, at: now),
                    tokenID: tokenID,
                    confirmation: caller.confirmation
                )
            )
        } catch {
            return .failure(error)
        }
    }
}

extension TokenIssuer {
    private func checkClient(_ request: TokenRequest, _ service: ServiceEntry) throws(TokenRefusal) {
        guard request.grantType.hasSameUTF8(as: TokenRequest.clientCredentials) else {
            throw TokenRefusal(
                .grantUnsupported, OAuthError(.unsupportedGrantType, "the only grant_type here is client_credentials")
            )
        }
        if let clientID = request.clientID, !clientID.hasSameUTF8(as: service.id) {
            throw TokenRefusal(
                .clientMismatch,
                OAuthError(.invalidClient, "client_id is not the service of the client certificate: leave it out or correct it")
            )
        }
        guard !service.audiences.isEmpty else {
            throw TokenRefusal(
                .serviceReceivesOnly, OAuthError(.unauthorizedClient, "\(service.id) is not granted tokens for any audience")
            )
        }
    }

    private func grant(for target: TokenRequest.Target, _ service: ServiceEntry) throws(TokenRefusal) -> AudienceGrant {
        if case .resource(let name) = target, !Self.isAbsoluteURI(name) {
            throw TokenRefusal(
                .audienceNotGranted, OAuthError(.invalidTarget, "resource must be an absolute URI without fragment: use audience")
            )
        }
        // Names of audiences are ASCII; any other text might still be equal to one in the eyes of Swift's ==.
        guard ConfigurationSyntax.isAudience(target.name), let grant = service.audiences[target.name] else {
            throw TokenRefusal(
                .audienceNotGranted, OAuthError(.invalidTarget, "\(service.id) is not granted tokens for this audience")
            )
        }
        return grant
    }

    /// RFC 8707, section 2: absolute, without fragment.
    private static func isAbsoluteURI(_ text: String) -> Bool {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), colon > text.startIndex,
            text.utf8.index(after: colon) < text.endIndex
        else {
            return false
        }
        let isLetter = { (byte: UInt8) in (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }
        return !text.utf8.contains(UInt8(ascii: "#")) && text.utf8.first.map(isLetter) == true
            && text.utf8[..<colon].allSatisfy { byte in
                isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "+")
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            }
    }

    private func scopes(for requested: Set<String>?, _ grant: AudienceGrant) throws(TokenRefusal) -> [String] {
        guard let requested else {
            return grant.scopes
        }
        let granted = grant.scopes.filter(requested.contains)
        guard granted.count == requested.count else {
            let known = grant.scopes.isEmpty ? "none" : grant.scopes.joined(separator: " ")
            throw TokenRefusal(
                .scopeNotGranted,
                OAuthError(.invalidScope, "a scope is asked for that is not granted; granted for \(grant.audience): \(known)")
            )
        }
        return granted
    }

    private func expiry(
        requested: Int64?, _ grant: AudienceGrant, _ caller: TokenCaller, at now: Timestamp
    ) throws(TokenRefusal) -> Timestamp {
        let expiry = min(now.adding(seconds: policy.lifetime(for: grant, requested: requested)), caller.validUntil)
        guard expiry.seconds(since: now) >= 1 else {
            throw TokenRefusal(
                .certificateExpiring, OAuthError(.invalidClient, "the client certificate expires now: renew it")
            )
        }
        return expiry
    }
}

extension TokenRefusal {
    /// The chain is not good, or could not be judged.
    init(_ failure: PathFailure) {
        let error =
            failure.isUnknowable
            ? OAuthError(.temporarilyUnavailable, "the issuer cannot check certificates at the moment; try again later")
            : OAuthError(.invalidClient, "the client certificate is not accepted (\(failure.code))")
        self.init(Reason(rawValue: failure.code.rawValue), error, log: failure.message)
    }

    /// The certificate belongs to no service.
    init(_ refusal: ServiceRefusal) {
        self.init(
            Reason(rawValue: refusal.code.rawValue),
            OAuthError(.invalidClient, "the client certificate belongs to no service here (\(refusal.code))"),
            log: refusal.message
        )
    }
}
