import Countersign
import CountersignClient
import CountersignTesting
import Logging
import Testing

/// What most tests need: an authority, a caller with its certificate, an issuer's key. Made once; keys cost time.
enum World {
    static let address = "https://tokens.link.internal:8443"
    static let authority = Result { try TestAuthority() }
    static let issuer = Result { try TestIssuer() }
    static let caller = Result { try authority.get().issue("user-svc") }
    /// Another certificate of the same service.
    static let renewedCaller = Result { try authority.get().issue("user-svc") }

    static func certificate() throws -> Certificate { try caller.get().certificate }

    /// A good answer to a token request, or one that is good but for what the test changes.
    static func answer(
        audience: String = "search-svc",
        for identity: TestIdentity? = nil,
        lifetime: Int64 = 300,
        expiresIn: String? = nil,
        refreshIn: String? = nil,
        tokenType: String = "Bearer",
        at now: Timestamp = TestClock.now,
        change: (inout TokenClaims) -> Void = { _ in }
    ) throws -> IssuerAnswer {
        let identity = try identity ?? caller.get()
        var claims = try issuer.get().claims(
            for: identity, service: "user-svc", audience: audience, at: now, lifetime: lifetime
        )
        change(&claims)
        return answer(
            token: try issuer.get().token(claims), expiresIn: expiresIn ?? "\(lifetime)", refreshIn: refreshIn,
            tokenType: tokenType)
    }

    static func answer(
        token: String, expiresIn: String = "300", refreshIn: String? = nil, tokenType: String = "Bearer"
    ) -> IssuerAnswer {
        let advice = refreshIn.map { #","refresh_in":\#($0)"# } ?? ""
        return json(200, #"{"access_token":"\#(token)","token_type":"\#(tokenType)","expires_in":\#(expiresIn)\#(advice)}"#)
    }

    static func json(_ status: Int, _ body: String, _ headers: [(name: String, value: String)] = []) -> IssuerAnswer {
        plain(status, body, [("Content-Type", "application/json")] + headers)
    }

    static func plain(_ status: Int, _ body: String, _ headers: [(name: String, value: String)] = []) -> IssuerAnswer {
        guard let certificate = try? certificate() else { preconditionFailure("no certificate could be made") }
        return IssuerAnswer(status: status, headers: headers, body: Array(body.utf8), certificate: certificate)
    }

    /// A script that answers every token request well, for the audience that was asked for.
    static func goodScript(
        for identity: TestIdentity? = nil,
        lifetime: Int64 = 300,
        at time: ManualTime? = nil
    ) -> ScriptedTransport.Script {
        { request, number throws(TokenError) in
            do {
                let audience = request.form.components(after: "audience=")
                let now = time?.wallClock ?? TestClock.now
                return try answer(audience: audience, for: identity, lifetime: lifetime, at: now) {
                    $0.tokenID = "token-\(number)"
                }
            } catch {
                throw TokenError(.unreachable, "the test could not make an answer: \(error)")
            }
        }
    }
}

/// A token source, the issuer behind it and the time they live in.
struct Caller {
    let time = ManualTime()
    let transport: ScriptedTransport
    let tokens: TokenSource

    init(
        _ addresses: [String] = [World.address],
        configuration: TokenSource.Configuration = .init(),
        script: ScriptedTransport.Script? = nil
    ) throws {
        transport = ScriptedTransport(try World.certificate(), time: time, script ?? World.goodScript(at: time))
        let issuer = try IssuerClient(addresses, transport: transport, time: time.time, logger: .silent)
        tokens = TokenSource(issuer, configuration: configuration)
    }

    /// Renews in the background for as long as `body` takes.
    func running<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await tokens.run() }
            // Its first look is over and it sleeps until the next.
            await time.untilAsleep(for: .seconds(1))
            defer { group.cancelAll() }
            return try await body()
        }
    }
}

extension String {
    /// What stands between `prefix` and the next `&`.
    fileprivate func components(after prefix: String) -> String {
        guard let range = firstRange(of: prefix) else { return "" }
        return String(self[range.upperBound...].prefix { $0 != "&" })
    }
}
