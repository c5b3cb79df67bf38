import Countersign
import CountersignClient
import CountersignTLS
import CountersignTesting
import NIOCore
import Testing

/// What an issuer can do wrong, over real connections to a real TLS server; time passes only when the test says so.
///
/// Each time: the good set in hand stays in force until its hard maximum age, nobody is let in without one, and "cannot know" is
/// 503 with `Retry-After`.
@Suite(.timeLimit(.minutes(5))) struct WrongKeySetTests {
    struct Wrong: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let answer: IssuerServer.Script
    }

    static let wrong: [Wrong] = [
        Wrong(testDescription: "500") { _ in .init(status: 500, body: Array("out of order".utf8)) },
        Wrong(testDescription: "503 with a body that is a set") { _ in try keySet(status: 503) },
        Wrong(testDescription: "404") { _ in .init(status: 404) },
        Wrong(testDescription: "a redirect") { _ in .init(status: 307, headers: [("Location", "/elsewhere")]) },
        Wrong(testDescription: "nothing") { _ in try keySet("") },
        Wrong(testDescription: "a set that is cut short") { _ in try keySet(String(try good().dropLast(10))) },
        Wrong(testDescription: "10 MiB") { _ in try keySet(try good() + String(repeating: " ", count: 10 << 20)) },
        Wrong(testDescription: "other JSON") { _ in try keySet(#"{"title":"hello"}"#) },
        Wrong(testDescription: "no JSON") { _ in try keySet("<html>hello</html>") },
        Wrong(testDescription: "another content type") { _ in try keySet(type: "text/html") },
        Wrong(testDescription: "an empty set") { _ in try keySet(#"{"keys":[]}"#) },
        Wrong(testDescription: "a private key in the set") { _ in
            try keySet(try good().replacing(#"{"kty""#, with: #"{"d":"AQAB","kty""#))
        },
        Wrong(testDescription: "the same kid twice") { _ in
            let key = try good().dropFirst(#"{"keys":["#.count).dropLast(2)
            return try keySet(#"{"keys":[\#(key),\#(key)]}"#)
        },
        Wrong(testDescription: "a weak key") { _ in
            let issuer = try World.issuer.get()
            return try keySet(issuer.keySet(modulus: issuer.shortModulus))
        },
        Wrong(testDescription: "a key with exponent 3") { _ in
            try keySet(try World.issuer.get().keySet(exponent: [3]))
        },
        Wrong(testDescription: "the issuer's certificate is another authority's") { _ in try keySet() },
    ]

    private let world: NetworkWorld
    private let time: ManualTime

    init() throws {
        world = try NetworkWorld()
        time = ManualTime()
        // It begins now, because the certificates do.
        time.setWallClock(forward: .seconds(Timestamp.now().seconds(since: TestClock.now)))
    }

    private static func good() throws -> String { String(decoding: try World.issuer.get().keys.json, as: UTF8.self) }

    private static func keySet(
        _ body: String? = nil, status: Int = 200, type: String = "application/jwk-set+json"
    ) throws -> IssuerServer.Answer {
        IssuerServer.Answer(
            status: status, headers: [("Content-Type", type), ("Cache-Control", "max-age=200")],
            body: Array(try (body ?? good()).utf8)
        )
    }

    /// - Parameter patience: how long the time of the test may run ahead of a connection, which takes its own.
    private func source(_ addresses: [String], patience: Duration = .seconds(100_000)) throws -> RemoteKeySource {
        let tls = try ReloadableTLS(world.files(), role: .client, at: .now())
        let issuer = try IssuerClient(
            addresses, tls: tls, configuration: .init(requestTimeout: patience), time: time.time, logger: .silent)
        return RemoteKeySource(issuer, configuration: .init(maxAge: .seconds(1000), fetchTimeout: patience))
    }

    /// What a receiver with these keys says to a good caller.
    private func refusal(_ keys: RemoteKeySource) async throws -> Refusal? {
        let authenticator = Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]),
            trust: .authorities(try PathValidator(anchors: [world.authority.certificate], revocationLists: nil)),
            callers: CallerPolicy(rules: [.trustDomain("link.internal")]), keys: keys
        )
        let now = time.wallClock
        let token = try world.issuer.token(for: world.caller, service: "user-svc", audience: "search-svc", at: now)
        let verdict = await authenticator.authenticate(
            peer: world.caller.peer, authorization: ["Bearer \(token)"], at: now)
        if case .refused(let refusal) = verdict { return refusal }
        return nil
    }

    /// Keeps the set fresh for as long as `body` takes.
    private func running(_ keys: RemoteKeySource, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await keys.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    /// Lets time pass in small steps until something has come about.
    private func passing(_ what: String, _ condition: () -> Bool) async {
        await eventually(what) {
            time.advance(by: .milliseconds(100))
            return condition()
        }
    }

    @Test(arguments: wrong.dropLast()) func aWrongAnswerChangesNothingUntilTheHardMaximumAge(_ wrong: Wrong) async throws {
        try await IssuerServer.run(world.authority) { _ in
            try Self.keySet()
        } _: { server in
            let keys = try source([server.address])
            try await running(keys) {
                await eventually("ready") { keys.isReady }
                let set = try keys.keySet(at: time.wallClock)
                #expect(try await refusal(keys) == nil)
                server.answer(wrong.answer)
                await time.tick(112)
                await eventually("asked again") { server.requests.count > 1 }
                #expect(try keys.keySet(at: time.wallClock) === set)
                #expect(try await refusal(keys) == nil)
                // For as long as the issuer is out of order, and then no longer.
                time.advance(by: .seconds(850))
                #expect(keys.isReady)
                time.advance(by: .seconds(50))
                #expect(!keys.isReady)
                let refused = try await refusal(keys)
                #expect(refused?.reason == .keysUnavailable)
                #expect(refused?.status == 503)
                #expect(refused?.retryAfter == 5)
                #expect(refused?.challenge(realm: "search-svc") == nil)
                // In order again.
                server.answer { _ in try Self.keySet() }
                await passing("ready again") { keys.isReady }
            }
        }
    }

    @Test(arguments: wrong) func aReceiverIsNotReadyAndLetsNobodyInBeforeAGoodAnswer(_ wrong: Wrong) async throws {
        let isForeign = wrong.testDescription == Self.wrong.last?.testDescription
        let foreign = try TestAuthority(at: .now())
        try await IssuerServer.run(
            world.authority, as: isForeign ? foreign.issue("tokens") : nil, script: wrong.answer
        ) { server in
            let keys = try source([server.address])
            try await running(keys) {
                var looks = 0
                await passing("asked twice") {
                    looks += 1
                    return isForeign ? looks > 500 : server.requests.count > 1
                }
                #expect(!keys.isReady)
                let refused = try await refusal(keys)
                #expect(refused?.reason == .keysUnavailable)
                #expect(refused?.status == 503)
                #expect(refused?.retryAfter == 5)
                // A server that nobody trusts is not even asked.
                if isForeign { return #expect(server.requests.isEmpty) }
                server.answer { _ in try Self.keySet() }
                await passing("ready") { keys.isReady }
                #expect(try await refusal(keys) == nil)
            }
        }
    }

    @Test func anIssuerThatHangsIsGivenUpAndTheSetStays() async throws {
        let gate = Gate()
        try await IssuerServer.run(world.authority) { _ in
            try Self.keySet()
        } _: { server in
            defer { gate.open() }
            let keys = try source([server.address])
            try await running(keys) {
                await eventually("ready") { keys.isReady }
                let set = try keys.keySet(at: time.wallClock)
                // Half of a good answer, and then nothing.
                server.answer { _ in
                    var answer = try Self.keySet()
                    answer.gate = gate
                    return answer
                }
                await time.tick(112)
                await eventually("asked again") { server.requests.count > 1 }
                // A token with an unknown key waits two seconds and no longer.
                let unknown = try #require(KeyID(Base64URL.encode(SHA256.digest(of: [1]).bytes)))
                let time = time
                await #expect(throws: KeysUnavailable.self) {
                    try await time.passing(.milliseconds(500)) {
                        try await keys.keySet(lacking: unknown, at: time.wallClock)
                    }
                }
                #expect(try keys.keySet(at: time.wallClock) === set)
                #expect(try await refusal(keys) == nil)
            }
        }
    }

    @Test func anIssuerThatIsGoneIsCannotKnowAndNeverNo() async throws {
        let keys = try await IssuerServer.run(world.authority) { _ in
            try Self.keySet()
        } _: { server in
            let keys = try source([server.address])
            try await keys.waitUntilReady()
            #expect(try await refusal(keys) == nil)
            return keys
        }
        // Nobody listens there any more.
        let unknown = try #require(KeyID(Base64URL.encode(SHA256.digest(of: [1]).bytes)))
        let error = await #expect(throws: KeysUnavailable.self) {
            try await time.passing { try await keys.keySet(lacking: unknown, at: time.wallClock) }
        }
        #expect(error?.message.contains("cannot be asked for a newer one") == true, "\(error?.message ?? "")")
        #expect(try await refusal(keys) == nil)
        time.advance(by: .seconds(1001))
        #expect(!keys.isReady)
        #expect(try await refusal(keys)?.status == 503)
    }
}
