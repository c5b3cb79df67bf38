import AsyncHTTPClient
import CountersignTesting
import HTTPTypes
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import CountersignClient

/// Calls to a receiver over real connections, with tokens of an issuer that is the same server at another path.
struct ServiceClientTests {
    private let world: NetworkWorld

    init() throws {
        world = try NetworkWorld()
    }

    /// How the receiver answers, by the number of the call.
    private typealias Receiver = @Sendable (_ call: Int, _ token: String) -> IssuerServer.Answer

    private static let refusal = IssuerServer.Answer(
        status: 401, headers: [("WWW-Authenticate", #"Bearer realm="search-svc", error="invalid_token""#)], body: Array("no".utf8)
    )

    /// Calls made to the receiver, and what the last one came to.
    private func calling(
        _ receiver: @escaping Receiver,
        _ body: @escaping @Sendable (_ client: ServiceClient, _ url: String, _ server: IssuerServer) async throws -> Void
    ) async throws {
        let (world, shift) = (world, shift)
        let count = CallCount()
        try await IssuerServer.run(world.authority) { request in
            guard request.path == "/elsewhere" else { return try world.answer(to: request) }
            return receiver(count.next(), String(request.headers[.authorization]?.dropFirst("Bearer ".count) ?? ""))
        } _: { server in
            let tls = try ReloadableTLS(world.files(), role: .client, at: .now())
            let tokens = TokenSource(try IssuerClient([server.address], tls: tls, time: shift.time, logger: .silent))
            let client = ServiceClient(tokens, tls: tls, audiences: try AudienceMap([server.address: "search-svc"]))
            try await body(client, server.address + "/elsewhere", server)
        }
    }

    private final class CallCount: Sendable {
        private let state = Mutex(0)

        func next() -> Int {
            state.withLock { count in
                count += 1
                return count
            }
        }
    }

    private func calls(_ server: IssuerServer) -> [IssuerServer.Request] {
        server.requests.filter { $0.path == "/elsewhere" }
    }

    private let shift = Shifted()

    /// Makes the token in hand older than the time in which no better one is asked for.
    private func age(_ client: ServiceClient) async throws {
        _ = try await client.tokens.token(for: "search-svc")
        shift.pass()
    }

    @Test func theTokenAndTheCertificateOfTheCallerAreSent() async throws {
        let world = world
        try await calling { _, _ in
            IssuerServer.Answer(body: Array("found".utf8))
        } _: { client, url, server in
            let answer = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(20))
            #expect(answer.status == .ok)
            let call = try #require(calls(server).first)
            let token = try await client.tokens.token(for: "search-svc")
            #expect(call.headers[.authorization] == token.authorizationHeader)
            #expect(call.client == world.caller.certificate)
        }
    }

    @Test func aRefusedTokenIsReplacedOnceAndTheCallRepeated() async throws {
        try await calling { number, _ in
            number == 1 ? Self.refusal : IssuerServer.Answer()
        } _: { client, url, server in
            try await age(client)
            let answer = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(20))
            #expect(answer.status == .ok)
            #expect(Set(calls(server).map { $0.headers[.authorization] }).count == 2)
        }
    }

    @Test func aRefusalThatNeverEndsDoesNotHoldUpTheSecondTry() async throws {
        let gate = Gate()
        try await calling { number, _ in
            var answer = number == 1 ? Self.refusal : IssuerServer.Answer()
            if number == 1 { answer.gate = gate }
            return answer
        } _: { client, url, server in
            // The server's own request has to end when the test does.
            defer { gate.open() }
            try await age(client)
            async let answer = client.execute(HTTPClientRequest(url: url), timeout: .seconds(60))
            await eventually("a second try") { calls(server).count == 2 }
            gate.open()
            #expect(try await answer.status == .ok)
        }
    }

    @Test func aReceiverThatAlwaysRefusesIsAskedTwiceAndItsAnswerGiven() async throws {
        try await calling { _, _ in
            Self.refusal
        } _: { client, url, server in
            try await age(client)
            let answer = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(20))
            #expect(answer.status == .unauthorized)
            #expect(calls(server).count == 2)
            // The token is new now, and no better one is to be had.
            _ = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(20))
            #expect(calls(server).count == 3)
        }
    }

    @Test(arguments: [
        IssuerServer.Answer(status: 401, headers: [("WWW-Authenticate", "Bearer realm=\"x\"")]),
        IssuerServer.Answer(status: 401), IssuerServer.Answer(status: 403), IssuerServer.Answer(status: 503),
        IssuerServer.Answer(status: 401, headers: [("WWW-Authenticate", "DPoP error=\"invalid_token\"")]),
    ])
    func otherRefusalsAreNotRepeated(answer: IssuerServer.Answer) async throws {
        try await calling { _, _ in
            answer
        } _: { client, url, server in
            try await age(client)
            let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(20))
            #expect(Int(response.status.code) == answer.status)
            #expect(calls(server).count == 1)
        }
    }

    @Test func aBodyThatCannotBeSentTwiceIsNot() async throws {
        try await calling { number, _ in
            number == 1 ? Self.refusal : IssuerServer.Answer()
        } _: { client, url, server in
            try await age(client)
            var request = HTTPClientRequest(url: url)
            request.method = .POST
            request.body = .bytes(ByteBuffer(string: "q=1"))
            #expect(try await client.execute(request, timeout: .seconds(20)).status == .unauthorized)
            #expect(calls(server).count == 1)
        }
        try await calling { number, _ in
            number == 1 ? Self.refusal : IssuerServer.Answer()
        } _: { client, url, server in
            try await age(client)
            var request = HTTPClientRequest(url: url)
            request.method = .POST
            request.body = .bytes(ByteBuffer(string: "q=1"))
            #expect(try await client.execute(request, bodyIsReplayable: true, timeout: .seconds(20)).status == .ok)
            #expect(calls(server).map(\.form) == ["q=1", "q=1"])
        }
    }

    @Test(arguments: [301, 302, 303, 307, 308]) func aRedirectIsAnAnswerAndNotFollowed(status: Int) async throws {
        try await calling { _, _ in
            IssuerServer.Answer(status: status, headers: [("Location", "/.well-known/jwks.json")])
        } _: { client, url, server in
            var request = HTTPClientRequest(url: url)
            request.method = .POST
            request.body = .bytes(ByteBuffer(string: "secret"))
            let answer = try await client.execute(request, timeout: .seconds(20))
            #expect(Int(answer.status.code) == status)
            #expect(server.requests.map(\.path) == ["/oauth2/token", "/elsewhere"])
        }
    }

    @Test func noTokenIsSentWhereNoneBelongs() async throws {
        try await calling { _, _ in
            IssuerServer.Answer()
        } _: { client, url, server in
            let elsewhere = url.replacing("127.0.0.1", with: "localhost")
            await #expect(throws: TokenError(.invalidRequest, "")) {
                try await client.execute(HTTPClientRequest(url: elsewhere), timeout: .seconds(20))
            }
            #expect(server.requests.isEmpty)
        }
    }

    @Test func theTypesOfHummingbirdGoInAndOut() async throws {
        try await calling { number, _ in
            number == 1 ? Self.refusal : IssuerServer.Answer(headers: [("X-Found", "yes")], body: Array("found".utf8))
        } _: { client, url, server in
            try await age(client)
            let port = server.port
            var request = HTTPRequest(method: .post, scheme: "https", authority: "127.0.0.1:\(port)", path: "/elsewhere")
            request.headerFields[.contentType] = "text/plain"
            let (answer, body) = try await client.send(request, body: ByteBuffer(string: "hello"), timeout: .seconds(20))
            #expect(answer.status == .ok)
            #expect(answer.headerFields[try #require(HTTPField.Name("X-Found"))] == "yes")
            #expect(String(buffer: body) == "found")
            #expect(calls(server).map(\.form) == ["hello", "hello"])
        }
    }

    @Test func aPinnedKeyIsInsistedOn() async throws {
        let world = world
        let (server, next) = (try world.authority.issue("tokens"), try world.authority.issue("tokens"))
        @Sendable func fetch(_ pins: Set<KeyPin>, from address: String) async throws -> AccessToken {
            let tls = try ReloadableTLS(world.files(), role: .client, at: .now())
            let issuer = try IssuerClient([address], tls: tls, configuration: .init(pinnedKeys: pins), logger: .silent)
            return try await TokenSource(issuer).token(for: "search-svc")
        }
        try await IssuerServer.run(world.authority, as: server) {
            try world.answer(to: $0)
        } _: { running in
            _ = try await fetch([KeyPin(of: server.certificate)], from: running.address)
            _ = try await fetch([KeyPin(of: next.certificate), KeyPin(of: server.certificate)], from: running.address)
            let count = running.requests.count
            let error = await #expect(throws: TokenError(.issuerNotTrusted, "")) {
                try await fetch([KeyPin(of: next.certificate)], from: running.address)
            }
            #expect(error?.message.contains(KeyPin(of: server.certificate).description) == true)
            #expect(running.requests.count == count)
        }
    }

    @Test func aPinIsReadAsOpenSSLPrintsIt() throws {
        let path = world.directory.path("pinned.pem")
        try world.directory.write(world.caller.certificate.pem, to: "pinned.pem")
        let script =
            "openssl x509 -in '\(path)' -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64"
        let printed = try Shell.run("bash", "-c", script).standardOutput
        let pin = KeyPin(of: world.caller.certificate)
        #expect(try KeyPin(printed) == pin)
        #expect(try KeyPin("sha256/" + printed) == pin)
        #expect(try KeyPin(pin.sha256.hex) == pin)
        #expect(try KeyPin("\(pin)") == pin)
        for text in ["", "sha256/", String(printed.dropLast(2)), pin.sha256.hex + "00", String(repeating: "zz", count: 32)] {
            #expect(throws: TokenError(.invalidRequest, "")) { try KeyPin(text) }
        }
    }
}
