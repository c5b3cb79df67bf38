import CountersignTesting
import Synchronization
import Testing

@testable import CountersignClient

/// An issuer that is there and does everything wrong, over a real connection: a typed error each time, and the token in hand stays.
struct MisbehavingIssuerTests {
    struct Misdeed: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let code: TokenError.Code
        let answer: @Sendable (NetworkWorld, IssuerServer.Request) throws -> IssuerServer.Answer

        init(
            _ name: String, _ code: TokenError.Code,
            _ answer: @escaping @Sendable (NetworkWorld, IssuerServer.Request) throws -> IssuerServer.Answer
        ) {
            testDescription = name
            self.code = code
            self.answer = answer
        }
    }

    private static let json = [(name: "Content-Type", value: "application/json")]

    private static func token(_ world: NetworkWorld, change: (inout TokenClaims) -> Void) throws -> IssuerServer.Answer {
        var claims = world.issuer.claims(for: world.caller, service: "user-svc", audience: "search-svc", at: .now())
        change(&claims)
        let token = try world.issuer.token(claims)
        return .json(200, #"{"access_token":"\#(token)","token_type":"Bearer","expires_in":300}"#)
    }

    static let misdeeds = [
        Misdeed("never ends its answer", .timedOut) { world, request in
            var answer = try world.answer(to: request)
            answer.gate = Gate()
            return answer
        },
        Misdeed("sends ten megabytes", .answerTooLarge) { _, _ in
            .init(headers: json, body: [UInt8](repeating: UInt8(ascii: " "), count: 10 << 20))
        },
        Misdeed("sends half of its JSON", .answerMalformed) { world, request in
            var answer = try world.answer(to: request)
            answer.body.removeLast(answer.body.count / 2)
            return answer
        },
        Misdeed("sends plain text", .answerMalformed) { _, _ in
            .init(headers: [("Content-Type", "text/plain")], body: Array("a token, honestly".utf8))
        },
        Misdeed("sends plain text and calls it JSON", .answerMalformed) { _, _ in
            .init(headers: json, body: Array("a token, honestly".utf8))
        },
        Misdeed("sends nothing", .answerMalformed) { _, _ in .init(headers: json) },
        Misdeed("sends JSON within JSON within JSON", .answerMalformed) { _, _ in
            .init(headers: json, body: [UInt8](repeating: UInt8(ascii: "["), count: 60_000))
        },
        Misdeed("sends something else for a token", .tokenMalformed) { _, _ in
            .json(200, #"{"access_token":"a.b.c","token_type":"Bearer","expires_in":300}"#)
        },
        Misdeed("sends a token for another audience", .audienceMismatch) { world, request in
            try world.answer(to: request, audience: "mail-svc")
        },
        Misdeed("sends a token of another service", .serviceMismatch) { world, _ in
            try token(world) { $0.serviceID = "other-svc" }
        },
        Misdeed("sends a token for another certificate", .bindingMismatch) { world, _ in
            let other = try world.authority.issue("user-svc").certificate
            return try token(world) { $0.confirmation = Confirmation(certificateSHA256: other.sha256) }
        },
        Misdeed("sends an expired token", .tokenLifetime) { world, _ in
            try token(world) {
                $0.issuedAt = Timestamp.now().adding(seconds: -600)
                $0.expiresAt = Timestamp.now().adding(seconds: -300)
            }
        },
        Misdeed("sends a token that never lives", .tokenLifetime) { world, _ in try token(world) { $0.expiresAt = $0.issuedAt } },
        Misdeed("redirects", .unexpectedStatus) { _, _ in .init(status: 302, headers: [("Location", "/elsewhere")]) },
        Misdeed("is out of order", .temporarilyUnavailable) { _, _ in .init(status: 500) },
        Misdeed("is another server", .unexpectedStatus) { _, _ in .init(status: 404, headers: json, body: Array("{}".utf8)) },
    ]

    @Test(.timeLimit(.minutes(2)), arguments: misdeeds)
    func leavesTheTokenInHandAndIsCalledByItsName(_ misdeed: Misdeed) async throws {
        let world = try NetworkWorld()
        let shifted = Shifted()
        try await IssuerServer.run(world.authority) {
            try world.answer(to: $0)
        } _: { server in
            let issuer = try IssuerClient(
                [server.address], tls: ReloadableTLS(world.files(), role: .client, at: .now()),
                configuration: .init(requestTimeout: .seconds(misdeed.code == .timedOut ? 1 : 10)), time: shifted.time,
                logger: .silent
            )
            // A failure that passes is tried again until then; nothing else waits for it.
            let patience = Duration.seconds([.timedOut, .temporarilyUnavailable].contains(misdeed.code) ? 6 : 30)
            let tokens = TokenSource(issuer, configuration: .init(fetchTimeout: patience))
            let good = try await tokens.token(for: "search-svc")
            let gate = Gate()
            // The server's own request has to end when the test does.
            defer { gate.open() }
            server.answer { request in
                var answer = try misdeed.answer(world, request)
                if answer.gate != nil { answer.gate = gate }
                return answer
            }
            shifted.pass()
            #expect(await tokens.token(for: "search-svc", insteadOf: good) == nil)
            #expect(tokens.condition(of: "search-svc")?.failure?.code == misdeed.code)
            #expect(try await tokens.token(for: "search-svc").value == good.value)

            // And whoever has none is told, in time.
            let named = TokenSource(issuer, configuration: .init(fetchTimeout: patience, clientID: "user-svc"))
            let none = await #expect(throws: TokenError.self) { try await named.token(for: "search-svc") }
            #expect(none?.code == misdeed.code)
            #expect(none?.message.contains("eyJhbGciOi") == false)

            // It comes to its senses.
            gate.open()
            server.answer { try world.answer(to: $0) }
            shifted.pass()
            let next = await tokens.token(for: "search-svc", insteadOf: good)
            #expect(next != nil && next?.value != good.value)
        }
    }
}

/// The system's time, of which the test may let a minute pass at once.
final class Shifted: Sendable {
    private let passed = Mutex(Duration.zero)

    var time: ClientTime {
        var time = ClientTime.system
        let elapsed = time.elapsed
        time.elapsed = { elapsed() + self.passed.withLock { $0 } }
        return time
    }

    func pass() { passed.withLock { $0 += .seconds(60) } }
}
