import Countersign
import CountersignTesting
import HTTPTypes
import Testing

@testable import CountersignClient

/// The parts together over real connections, as a service runs them.
struct ServicesTests {
    private let world: NetworkWorld

    init() throws {
        world = try NetworkWorld()
    }

    private func issuer(_ addresses: [String], _ tls: ReloadableTLS) throws -> IssuerClient {
        try IssuerClient(
            addresses, tls: tls, configuration: .init(watchInterval: .milliseconds(20)), logger: .silent
        )
    }

    private var script: IssuerServer.Script {
        let world = world
        return { request in
            request.path == "/oauth2/token" ? try world.answer(to: request) : world.keySetAnswer
        }
    }

    @Test func aTokenOfTheSourceIsAcceptedByAReceiverWithTheIssuersKeys() async throws {
        let world = world
        try await IssuerServer.run(world.authority, script: script) { server in
            let issuer = try issuer([server.address], ReloadableTLS(world.files(), role: .client, at: .now()))
            let tokens = TokenSource(issuer)
            let keys = RemoteKeySource(issuer)
            try await withRunning([issuer, tokens, keys]) {
                try await keys.waitUntilReady()
                let authenticator = Authenticator(
                    expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]),
                    trust: .authorities(try PathValidator(anchors: [world.authority.certificate], revocationLists: nil)),
                    callers: CallerPolicy(rules: [.trustDomain("link.internal")]),
                    keys: keys
                )
                let token = try await tokens.token(for: "search-svc")
                let verdict = await authenticator.authenticate(
                    peer: world.caller.peer, authorization: [token.authorizationHeader], at: .now()
                )
                guard case .accepted(let caller) = verdict else {
                    Issue.record("refused: \(verdict)")
                    return
                }
                #expect(caller.service == "user-svc")
            }
        }
    }

    @Test func aHundredCallersAtOnceCostOneRequest() async throws {
        let world = world
        try await IssuerServer.run(world.authority, script: script) { server in
            let tokens = TokenSource(try issuer([server.address], ReloadableTLS(world.files(), role: .client, at: .now())))
            let values = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<100 { group.addTask { try await tokens.token(for: "search-svc").value } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(values.count == 1)
            #expect(server.requests.count == 1)
        }
    }

    @Test func aRenewedCertificateIsPickedUpAndItsTokensFetched() async throws {
        let world = world
        try await IssuerServer.run(world.authority, script: script) { server in
            let tls = try ReloadableTLS(world.files(), role: .client, at: .now())
            let issuer = try issuer([server.address], tls)
            let tokens = TokenSource(issuer)
            try await withRunning([issuer, tokens]) {
                let old = try await tokens.token(for: "search-svc")
                #expect(old.certificateSHA256 == world.caller.certificate.sha256)
                for _ in 0..<3 {
                    let renewed = try world.authority.issue("user-svc")
                    _ = try world.files(renewed)
                    await eventually("picked up") { issuer.certificate == renewed.certificate }
                    let token = try await tokens.token(for: "search-svc")
                    #expect(token.certificateSHA256 == renewed.certificate.sha256)
                    #expect(server.requests.last?.client == renewed.certificate)
                }
            }
        }
    }

    @Test func otherAuthoritiesBesideTheSameCertificateLeaveItsTokensAtHand() async throws {
        let world = world
        let other = try TestAuthority(at: .now())
        try await IssuerServer.run(world.authority, script: script) { server in
            let tls = try ReloadableTLS(world.files(), role: .client, at: .now())
            let tokens = TokenSource(try issuer([server.address], tls))
            let token = try await tokens.token(for: "search-svc")
            let ready = try #require(tokens.ready.find(TokenRequest(audience: "search-svc", scope: [])))
            #expect(ready.generation == tls.changes.number)
            try world.directory.write(world.authority.certificate.pem + other.certificate.pem, to: "ca.pem")
            #expect(try tls.reload(at: .now()))
            #expect(ready.generation != tls.changes.number)
            #expect(try await tokens.token(for: "search-svc").value == token.value)
            #expect(ready.generation == tls.changes.number)
            #expect(server.requests.count == 1)
        }
    }

    @Test func aKeySetIsAskedForWithItsTag() async throws {
        let world = world
        try await IssuerServer.run(world.authority, script: script) { server in
            let issuer = try issuer([server.address], ReloadableTLS(world.files(), role: .client, at: .now()))
            let keys = RemoteKeySource(
                issuer, configuration: .init(unknownKeyCooldown: .zero, unknownKeyPatience: .seconds(60)))
            try await keys.waitUntilReady()
            let first = try keys.keySet(at: .now())
            server.answer { request in
                request.headers[.ifNoneMatch] == "\"one\"" ? .init(status: 304) : world.keySetAnswer
            }
            let unknown = try #require(KeyID(Base64URL.encode(SHA256.digest(of: [1]).bytes)))
            #expect(try await keys.keySet(lacking: unknown, at: .now()) === first)
            #expect(server.requests.count == 2)
            #expect(server.requests.last?.headers[.ifNoneMatch] == "\"one\"")
        }
    }

    @Test func aKeySetThatIsTooLargeOrCutShortIsNotTakenOver() async throws {
        let world = world
        try await IssuerServer.run(world.authority, script: script) { server in
            let issuer = try issuer([server.address], ReloadableTLS(world.files(), role: .client, at: .now()))
            let keys = RemoteKeySource(issuer, configuration: .init(unknownKeyCooldown: .zero))
            try await keys.waitUntilReady()
            let first = try keys.keySet(at: .now())
            let unknown = try #require(KeyID(Base64URL.encode(SHA256.digest(of: [1]).bytes)))
            let bodies = [
                [UInt8](repeating: UInt8(ascii: " "), count: 10 << 20),
                Array(world.issuer.keys.json.dropLast(7)),
            ]
            for body in bodies {
                server.answer { _ in .init(headers: [("Content-Type", "application/jwk-set+json")], body: body) }
                await #expect(throws: KeysUnavailable.self) { try await keys.keySet(lacking: unknown, at: .now()) }
                #expect(try keys.keySet(at: .now()) === first)
            }
        }
    }

    @Test func theSecondAddressServesWhenTheFirstIsGone() async throws {
        let world = world
        let gone = try await IssuerServer.run(world.authority, script: script) { server in server.address }
        try await IssuerServer.run(world.authority, script: script) { server in
            let issuer = try issuer([gone, server.address], ReloadableTLS(world.files(), role: .client, at: .now()))
            let tokens = TokenSource(issuer)
            #expect(try await tokens.token(for: "search-svc").claims.serviceID == "user-svc")
            let keys = RemoteKeySource(issuer)
            try await keys.waitUntilReady()
            #expect(server.requests.map(\.path) == ["/oauth2/token", "/.well-known/jwks.json"])
        }
    }
}
