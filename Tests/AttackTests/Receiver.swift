import Countersign
import CountersignJSON
import CountersignTesting
import Testing

/// One receiver, one honest caller and one thief, shared by all attacks: keys are slow to make.
struct Receiver: Sendable {
    static let shared = Result { try Receiver() }

    let authority: TestAuthority
    let issuer: TestIssuer
    let caller: TestIdentity
    /// Another good service under the same authority.
    let thief: TestIdentity
    let authenticator: Authenticator
    let now = TestClock.now

    init() throws {
        authority = try TestAuthority()
        issuer = try TestIssuer()
        caller = try authority.issue("user-svc")
        thief = try authority.issue("thief-svc")
        authenticator = try issuer.authenticator(audience: "search-svc", trusting: authority)
    }

    /// The reason code of the refusal, or "accepted".
    func verdict(
        _ token: String,
        from identity: TestIdentity? = nil,
        requiring requirement: Requirement = .none,
        at moment: Timestamp? = nil,
        by authenticator: Authenticator? = nil
    ) async -> String {
        await verdict(authorization: ["Bearer \(token)"], from: identity, requiring: requirement, at: moment, by: authenticator)
    }

    func verdict(
        authorization: [String],
        from identity: TestIdentity? = nil,
        requiring requirement: Requirement = .none,
        at moment: Timestamp? = nil,
        by authenticator: Authenticator? = nil
    ) async -> String {
        let verdict = await (authenticator ?? self.authenticator).authenticate(
            peer: (identity ?? caller).peer, authorization: authorization, requiring: requirement, at: moment ?? now
        )
        return switch verdict {
        case .accepted: "accepted"
        case .refused(let refusal): refusal.reason.rawValue
        }
    }

    /// A good token, after `change` had its way with the claims.
    func token(changing change: (inout TokenClaims) -> Void = { _ in }) throws -> String {
        var claims = issuer.claims(
            for: caller, service: "user-svc", audience: "search-svc", roles: ["reader"], scope: ["search:read"]
        )
        change(&claims)
        return try issuer.token(claims)
    }

    /// A correctly signed token with this header and the payload of a good token.
    func token(header: String) throws -> String {
        try issuer.token(header: Array(header.utf8), payload: goodPayload())
    }

    /// A correctly signed token with the usual header and a good payload in which one member was replaced by JSON text.
    func token(replacing name: String, with json: String?) throws -> String {
        let good = try JSONReader.parseObject(goodPayload())
        let members = try good.names.compactMap { member -> String? in
            guard let value = good[member] else { return nil }
            if member == name { return json.map { "\"\(member)\":\($0)" } }
            let text = String(decoding: try JSONWriter.bytes(.array([value])), as: UTF8.self)
            return "\"\(member)\":\(text.dropFirst().dropLast())"
        }
        let added = good[name] == nil ? json.map { ["\"\(name)\":\($0)"] } ?? [] : []
        return try token(payload: "{\((members + added).joined(separator: ","))}")
    }

    /// A correctly signed token with the usual header and this payload.
    func token(payload: String) throws -> String {
        try issuer.token(header: Array(goodHeader.utf8), payload: Array(payload.utf8))
    }

    var goodHeader: String { #"{"alg":"RS256","kid":"\#(issuer.keyID)","typ":"at+jwt"}"# }

    func goodPayload() throws -> [UInt8] {
        try CompactJWS(Array(try token().utf8)).payload
    }
}
