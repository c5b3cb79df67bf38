import CountersignClient
import CountersignCrypto
import CountersignJSON

/// How an agent is doing, as JSON. Holds no token.
struct AgentStatus {
    let issuer: IssuerClient
    let tokens: AgentTokens

    var json: JSONObject {
        get async { json(isReady: await tokens.isReady) }
    }

    private func json(isReady: Bool) -> JSONObject {
        let certificate = issuer.certificate
        return [
            "status": .string(isReady ? "ready" : "not-ready"),
            "certificate": .object([
                "subject": .string("\(certificate.subject)"), "serial": .string(certificate.serialHex),
                "not_after": .string("\(certificate.notAfter)"),
            ]),
            "issuers": .array(issuer.addresses.map { .string("\($0)") }),
            "clock_skew": issuer.clockSkew.map { .integer($0.components.seconds) } ?? .null,
            "tokens": .array(tokens.configuration.tokens.map { .object(json(of: $0)) }),
        ]
    }

    private func json(of token: AgentConfiguration.Token) -> JSONObject {
        let condition = tokens.source.condition(of: token.audience, scope: token.scopes)
        let inHand = condition?.token
        let state = inHand == nil ? "missing" : condition?.failure == nil ? "fresh" : "stale"
        var object: JSONObject = ["audience": .string(token.audience), "state": .string(state)]
        if !token.scopes.isEmpty { object.append("scopes", .array(token.scopes.map { .string($0) })) }
        if let file = token.file { object.append("file", .string(file.path)) }
        if let inHand { object.append("expires_at", .integer(inHand.expiresAt.secondsSince1970)) }
        if let pause = condition?.refreshesIn { object.append("refresh_in", .integer(pause.components.seconds)) }
        if let failure = condition?.failure {
            object.append("failure", .object(["code": .string(failure.code.rawValue), "message": .string(failure.message)]))
        }
        return object
    }
}
