import Countersign
import CountersignTesting
import Testing

/// The middleware over real connections: whatever the connection, each request is judged.
@Suite(.timeLimit(.minutes(5))) struct AuthenticationMiddlewareTests {
    static let versions = ["--http1.1", "--http2"]

    let receiver: TestReceiver
    let caller: TestIdentity

    init() throws {
        receiver = try TestReceiver()
        caller = try receiver.authority.issue("user-svc", until: 1800)
    }

    @Test(arguments: versions) func admitsTheHolderOfATokenAndNobodyElse(version: String) async throws {
        let (receiver, caller) = (receiver, caller)
        let thief = try receiver.authority.issue("thief-svc")
        let token = try receiver.token(for: caller)
        try await receiver.run { port in
            func answer(_ path: String = "/whoami", as identity: TestIdentity, _ token: String?) throws -> TestReceiver.Answer {
                try #require(receiver.curl([path], port, as: identity, token: token, [version]).first)
            }
            let good = try answer(as: caller, token)
            #expect(good.body == "user-svc")
            #expect(good.status == "200")
            #expect(good.version == (version == "--http2" ? "2" : "1.1"))

            let stolen = try answer(as: thief, token)
            #expect(stolen.status == "401")
            #expect(stolen.challenge == #"Bearer realm="search-svc", error="invalid_token""#)
            let forged = try answer(as: caller, "\(token.dropLast(4))AAAA")
            // Every refusal looks alike.
            #expect(forged == stolen)
            let none = try answer(as: caller, nil)
            #expect(none.status == "401")
            #expect(none.challenge == #"Bearer realm="search-svc""#)
            #expect(try answer("/nowhere", as: thief, token).status != "200")

            let role = try answer("/write", as: caller, token)
            #expect(role.status == "403")
            let scope = try answer("/index", as: caller, token)
            #expect(scope.status == "403")
            #expect(scope.challenge.hasSuffix(#"error="insufficient_scope", scope="search:write""#))
        }
    }

    @Test(arguments: versions) func aCertificateThatExpiresWhileItsConnectionIsOpenIsRefused(version: String) async throws {
        let (receiver, caller) = (receiver, caller)
        let token = try receiver.token(for: caller, lifetime: 3600)
        try await receiver.run { port in
            let answers = try receiver.curl(
                ["/whoami", "/later/1700", "/whoami", "/later/100", "/whoami"], port, as: caller, token: token, [version])
            #expect(answers.map(\.status) == ["200", "200", "200", "200", "401"])
            #expect(answers.dropFirst().allSatisfy { $0.connects == "0" }, "\(answers)")
        }
    }

    @Test(arguments: versions) func aTokenThatExpiresWhileItIsRememberedIsRefused(version: String) async throws {
        let (receiver, caller) = (receiver, caller)
        let token = try receiver.token(for: caller)
        try await receiver.run { port in
            let answers = try receiver.curl(
                ["/whoami", "/later/299", "/whoami", "/later/1", "/whoami"], port, as: caller, token: token, [version])
            // The clock started a little after the token.
            #expect(answers.prefix(2).map(\.status) == ["200", "200"])
            #expect(answers.last?.status == "401")
            #expect(answers.dropFirst().allSatisfy { $0.connects == "0" }, "\(answers)")
        }
    }

    @Test(arguments: versions) func aCertificateRevokedWhileItsConnectionIsOpenIsRefused(version: String) async throws {
        let (receiver, caller) = (receiver, caller)
        let token = try receiver.token(for: caller)
        try await receiver.run(revoking: caller) { port in
            let answers = try receiver.curl(["/whoami", "/revoke", "/whoami"], port, as: caller, token: token, [version])
            #expect(answers.map(\.status) == ["200", "200", "401"])
            #expect(answers.dropFirst().allSatisfy { $0.connects == "0" }, "\(answers)")
        }
    }

    @Test(arguments: versions) func aRouteForAnotherAudienceRemembersForItself(version: String) async throws {
        let (receiver, caller) = (receiver, caller)
        let token = try receiver.token(for: caller)
        try await receiver.run { port in
            let answers = try receiver.curl(
                ["/whoami", "/billing/whoami", "/whoami"], port, as: caller, token: token, [version])
            #expect(answers.map(\.status) == ["200", "401", "200"])
        }
    }

    private struct NoKeys: KeySource {
        func keySet(at now: Timestamp) throws(KeysUnavailable) -> KeySet { throw KeysUnavailable("nobody knows") }
    }

    @Test(arguments: versions) func withoutAKeySetTheAnswerIsCannotKnow(version: String) async throws {
        let (receiver, caller) = (receiver, caller)
        let token = try receiver.token(for: caller)
        try await receiver.run(keys: NoKeys()) { port in
            let answer = try #require(receiver.curl(["/whoami"], port, as: caller, token: token, [version]).first)
            #expect(answer.status == "503")
            #expect(answer.retryAfter == "5")
            #expect(answer.challenge == "")
            // What is wrong without keys is still wrong.
            let none = try #require(receiver.curl(["/whoami"], port, as: caller, token: nil, [version]).first)
            #expect(none.status == "401")
        }
    }

    @Test(arguments: versions) func aRevocationListThatRunsOutIsCannotKnow(version: String) async throws {
        let (receiver, caller) = (receiver, caller)
        let caller2 = try receiver.authority.issue("user-svc", until: 20_000)
        let token = try receiver.token(for: caller2, lifetime: 3600)
        _ = caller
        try await receiver.run { port in
            // The list holds for an hour.
            let answers = try receiver.curl(
                ["/whoami", "/later/3600", "/whoami"], port, as: caller2, token: token, [version])
            #expect(answers.map(\.status) == ["200", "200", "503"])
            #expect(answers.last?.retryAfter == "5")
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"]) func aResumedSessionSkipsNoCheck(version: String) async throws {
        let (receiver, caller) = (receiver, caller)
        let thief = try receiver.authority.issue("thief-svc")
        let token = try receiver.token(for: caller, lifetime: 3600)
        try await receiver.run { port in
            func ask(_ identity: TestIdentity, _ session: [String]) throws -> String {
                try receiver.openssl("/whoami", port, as: identity, token: token, [version] + session)
            }
            let (own, stolen) = (receiver.files.path("own-session"), receiver.files.path("thief-session"))
            let first = try ask(caller, ["-sess_out", own])
            #expect(first.contains("New, TLSv1") && first.contains("HTTP/1.1 200"), "\(first)")
            let again = try ask(caller, ["-sess_in", own])
            #expect(again.contains("Reused, TLSv1") && again.contains("HTTP/1.1 200"), "\(again)")
            // The token, on the thief's own session.
            #expect(try ask(thief, ["-sess_out", stolen]).contains("HTTP/1.1 401"))
            let reused = try ask(thief, ["-sess_in", stolen])
            #expect(reused.contains("Reused, TLSv1") && reused.contains("HTTP/1.1 401"), "\(reused)")
            // The certificate has expired, by the receiver's clock, since the session began.
            receiver.clock.advance(seconds: 1801)
            let late = try ask(caller, ["-sess_in", own])
            #expect(late.contains("Reused, TLSv1") && late.contains("HTTP/1.1 401"), "\(late)")
        }
    }

    @Test func theTransportBelongsToThePeerAndNotToTheHeaders() async throws {
        let (receiver, caller) = (receiver, caller)
        let thief = try receiver.authority.issue("thief-svc")
        let token = try receiver.token(for: caller)
        let der = caller.certificate.der
        let header = "Client-Cert: :\(base64(der)):"
        try await receiver.run { port in
            for name in [header, "X-Forwarded-Client-Cert: Hash=\(caller.certificate.sha256)", "X-SSL-Client-Verify: SUCCESS"] {
                let forged = try receiver.curl(
                    ["/whoami"], port, as: thief, token: token, ["--http1.1", "--header", name])
                #expect(forged.first?.status == "401")
            }
        }
    }

    private func base64(_ bytes: [UInt8]) -> String {
        let text = Base64URL.encode(bytes).replacing("-", with: "+").replacing("_", with: "/")
        return text + String(repeating: "=", count: (4 - text.count % 4) % 4)
    }
}
