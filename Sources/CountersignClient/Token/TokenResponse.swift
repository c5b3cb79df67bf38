internal import CountersignCrypto
internal import CountersignJOSE
internal import CountersignJSON

/// The issuer's answer to a token request (RFC 6749 section 5.1), found to be what was asked for.
public struct TokenResponse: Sendable {
    public let token: AccessToken
    /// How long the token lives from its issue, in whole seconds.
    public let expiresIn: Int64
    /// When to ask for the next one, in whole seconds from the issue, by the issuer's advice; `nil` when it gave none.
    public let refreshIn: Int64?
    /// What was granted, which may be less than what was asked for.
    public let scope: [String]

    /// Longer lives are cut to this: no token is trusted to be good for longer without asking again.
    static let maxLife: Int64 = 86_400

    /// Reads the answer to `request` and checks that its token can be used: of the right kind, alive, for the audience, bound to
    /// the certificate that the connection was made with.
    ///
    /// - Parameters:
    ///   - service: who we are, where that is known.
    ///   - wallClock: the time when the request was sent.
    /// - Throws: ``TokenError``.
    init(
        _ exchange: IssuerClient.Exchange, to request: TokenRequest, of service: String? = nil, wallClock: Timestamp
    ) throws(TokenError) {
        let (answer, url) = (exchange.answer, exchange.url)
        try answer.checkTokenStatus(url: url)
        let body = try answer.json(url: url)
        guard let type = body.string("token_type"), type.lowercased() == "bearer" else {
            throw TokenError(.answerMalformed, "the answer of \(url) has no token of type Bearer")
        }
        guard let text = body.string("access_token"), let promised = body.integer("expires_in") else {
            throw TokenError(.answerMalformed, "the answer of \(url) has no access_token or no expires_in")
        }
        let claims = try Self.claims(of: text, url: url)
        guard claims.audience.count == 1, claims.audience.allSatisfy({ $0.hasSameUTF8(as: request.audience) }) else {
            throw TokenError(.audienceMismatch, "the token of \(url) is not for \(request.audience)")
        }
        guard claims.confirmation.certificateSHA256 == answer.certificate.sha256 else {
            throw TokenError(.bindingMismatch, "the token of \(url) is bound to another certificate than ours")
        }
        if let service, !claims.serviceID.hasSameUTF8(as: service) {
            throw TokenError(.serviceMismatch, "the token of \(url) is not that of \(service)")
        }
        let life = min(promised, claims.expiresAt.seconds(since: claims.issuedAt), Self.maxLife)
        guard life > 0 else { throw TokenError(.tokenLifetime, "the token of \(url) has no life left") }
        if let date = answer.header("Date").flatMap(HTTPDate.parse), claims.expiresAt <= date {
            throw TokenError(.tokenLifetime, "the token of \(url) had expired when it was sent")
        }
        token = AccessToken(value: text, claims: claims, expiresAt: wallClock.adding(seconds: life))
        expiresIn = life
        // Advice that makes no sense is none.
        refreshIn = body.integer("refresh_in").flatMap { (1..<life).contains($0) ? $0 : nil }
        scope = claims.scope
    }

    private static func claims(of text: String, url: String) throws(TokenError) -> TokenClaims {
        do {
            let jws = try CompactJWS(Array(text.utf8))
            // Not to judge it: a token that no receiver can accept is better found here.
            _ = try TokenHeader(json: jws.header)
            return try TokenClaims(json: jws.payload)
        } catch {
            throw TokenError(.tokenMalformed, "the token of \(url) cannot be used: \(error.message)")
        }
    }
}
