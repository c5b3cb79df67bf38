public import CountersignTLS

/// Asks an issuer for one token, once: no cache, no retry. What `countersign token fetch` does.
///
/// - Parameters:
///   - issuer: the issuer's base address, `https`.
///   - tls: loaded for `TLSMaterial.Role.client`.
///   - clientID: sent as `client_id`; see ``TokenSource/Configuration/clientID``.
///   - timeout: from the connection to the last byte of the answer.
/// - Throws: ``TokenError``, with words that say what happened, where, and what to do.
public func fetchToken(
    from issuer: String,
    tls: TLSMaterial,
    audience: String,
    scope: [String] = [],
    clientID: String? = nil,
    timeout: Duration = .seconds(10),
    time: ClientTime = .system
) async throws(TokenError) -> TokenResponse {
    try await fetchToken(
        from: issuer, tls: tls, audience: audience, scope: scope, clientID: clientID, timeout: timeout, time: time
    ) { _, _ in }
}

/// The same, with somebody who looks on.
///
/// - Parameter observe: told of the request and of its answer, before the answer is judged. What it is told holds the token.
package func fetchToken(
    from issuer: String,
    tls: TLSMaterial,
    audience: String,
    scope: [String] = [],
    clientID: String? = nil,
    timeout: Duration = .seconds(10),
    time: ClientTime = .system,
    observing observe: (IssuerRequest, IssuerAnswer) -> Void
) async throws(TokenError) -> TokenResponse {
    let address = try IssuerAddress(issuer)
    let request = TokenRequest(audience: audience, scope: scope)
    try request.check()
    let message = request.message(to: address, clientID: clientID)
    let wallClock = time.wallClock()
    let sentAt = time.elapsed()
    let transport = MutualTLSTransport(wallClock: time.wallClock, connectTimeout: timeout) { tls }
    let answer = try await time.limit(
        to: timeout,
        orThrow: TokenError(.timedOut, "\(message.url) did not answer in time")
    ) { () async throws(TokenError) in
        try await transport.send(message)
    }
    observe(message, answer)
    let exchange = IssuerClient.Exchange(answer: answer, url: message.url, sentAt: sentAt)
    return try TokenResponse(exchange, to: request, of: clientID, wallClock: wallClock)
}
