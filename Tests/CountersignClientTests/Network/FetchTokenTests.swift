import CountersignClient
import CountersignTesting
import HTTPTypes
import NIOCore
import NIOPosix
import Testing

/// One token over a real connection, and the words for each way in which it can fail.
struct FetchTokenTests {
    private let world: NetworkWorld

    init() throws {
        world = try NetworkWorld()
    }

    private func fetch(_ address: String, _ material: TLSMaterial? = nil) async throws -> TokenResponse {
        try await fetchToken(from: address, tls: material ?? world.material(), audience: "search-svc")
    }

    private func expect(
        _ code: TokenError.Code,
        from address: String,
        as material: TLSMaterial? = nil,
        saying words: [String] = [],
        at location: SourceLocation = #_sourceLocation
    ) async {
        let error = await #expect(throws: TokenError.self, sourceLocation: location) { try await fetch(address, material) }
        #expect(error?.code == code, "\(error?.message ?? "")", sourceLocation: location)
        for words in words {
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")", sourceLocation: location)
        }
    }

    @Test func aTokenIsFetchedOverMutualTLS() async throws {
        let world = world
        try await IssuerServer.run(world.authority) {
            try world.answer(to: $0)
        } _: { server in
            let response = try await fetch(server.address)
            #expect(response.expiresIn == 300)
            #expect(response.token.claims.roles == ["reader"])
            #expect(response.token.certificateSHA256 == world.caller.certificate.sha256)
            let request = try #require(server.requests.first)
            #expect(request.path == "/oauth2/token")
            #expect(request.form == "grant_type=client_credentials&audience=search-svc")
            #expect(request.headers[.contentType] == "application/x-www-form-urlencoded")
            #expect(request.client == world.caller.certificate)
        }
    }

    @Test func anOAuthErrorIsToldWithItsDescription() async throws {
        let body = #"{"error":"invalid_target","error_description":"search-svc is not an audience of user-svc"}"#
        try await IssuerServer.run(world.authority) { _ in
            .json(400, body)
        } _: { server in
            await expect(.refused, from: server.address, saying: ["400 invalid_target", "is not an audience of user-svc"])
        }
    }

    @Test func aRedirectIsNotFollowed() async throws {
        try await IssuerServer.run(world.authority) { _ in
            .init(status: 307, headers: [("Location", "/elsewhere")])
        } _: { server in
            await expect(.unexpectedStatus, from: server.address, saying: ["307", "redirect"])
            #expect(server.requests.map(\.path) == ["/oauth2/token"])
        }
    }

    @Test func anAnswerThatIsTooLargeIsNotReadToItsEnd() async throws {
        let huge = [UInt8](repeating: UInt8(ascii: " "), count: 10 << 20)
        try await IssuerServer.run(world.authority) { _ in
            .init(headers: [("Content-Type", "application/json")], body: huge)
        } _: { server in
            await expect(.answerTooLarge, from: server.address, saying: ["too large"])
        }
        // The same when its length is not announced.
        let gate = Gate()
        gate.open()
        try await IssuerServer.run(world.authority) { _ in
            .init(headers: [("Content-Type", "application/json")], body: huge, gate: gate)
        } _: { server in
            await expect(.answerTooLarge, from: server.address)
        }
    }

    @Test func anAnswerThatStopsHalfwayIsGivenUp() async throws {
        let world = world
        let gate = Gate()
        try await IssuerServer.run(world.authority) { request in
            var answer = try world.answer(to: request)
            answer.gate = gate
            return answer
        } _: { server in
            // The server's own request has to end as well.
            defer { gate.open() }
            let error = await #expect(throws: TokenError.self) {
                try await fetchToken(
                    from: server.address, tls: world.material(), audience: "search-svc", timeout: .milliseconds(300)
                )
            }
            #expect(error?.code == .timedOut)
        }
    }

    @Test func plainTextInsteadOfJSONIsRefused() async throws {
        try await IssuerServer.run(world.authority) { _ in
            .init(headers: [("Content-Type", "text/plain")], body: Array("hello".utf8))
        } _: { server in
            await expect(.answerMalformed, from: server.address, saying: ["not JSON"])
        }
    }

    @Test func nobodyListening() async throws {
        let port = try await Self.unusedPort()
        await expect(.unreachable, from: "https://127.0.0.1:\(port)", saying: ["127.0.0.1:\(port)", "connection refused"])
    }

    @Test func aNameThatDoesNotExist() async throws {
        let error = await #expect(throws: TokenError.self) { try await fetch("https://no-such-host.invalid:8443") }
        // A resolver that reaches no server may take longer to say so than we wait.
        if error?.code == .timedOut { return }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("cannot be resolved") == true, "\(error?.message ?? "")")
    }

    @Test func anIssuerOfAnotherCAIsNotTrusted() async throws {
        let other = try TestAuthority(at: .now())
        try await IssuerServer.run(world.authority) {
            try world.answer(to: $0)
        } _: { server in
            let material = try world.material(trusting: other)
            await expect(.issuerNotTrusted, from: server.address, as: material, saying: ["do not trust"])
            #expect(server.requests.isEmpty)
        }
    }

    @Test func anIssuerOfAnotherNameIsNotTrusted() async throws {
        let named = try world.authority.issue("tokens", names: [.dns("tokens.link.internal")])
        try await IssuerServer.run(world.authority, as: named) {
            try world.answer(to: $0)
        } _: { server in
            await expect(.issuerNotTrusted, from: server.address, saying: ["another host name"])
            #expect(server.requests.isEmpty)
        }
    }

    @Test func aCertificateOfACAThatTheIssuerDoesNotKnowIsRefusedThere() async throws {
        let other = try TestAuthority(at: .now())
        try await IssuerServer.run(world.authority, clients: other) {
            try world.answer(to: $0)
        } _: { server in
            let words = ["refused our certificate", "CN=user-svc.link.internal"]
            await expect(.certificateRefused, from: server.address, saying: words)
            #expect(server.requests.isEmpty)
        }
    }

    @Test func aRevokedCertificateIsRefusedThere() async throws {
        let revoked = [world.caller.certificate]
        try await IssuerServer.run(world.authority, revoked: revoked) {
            try world.answer(to: $0)
        } _: { server in
            await expect(.certificateRefused, from: server.address, saying: ["refused our certificate"])
            #expect(server.requests.isEmpty)
        }
    }

    @Test func aServerThatDoesNotSpeakTLS() async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.writeAndFlush(ByteBuffer(string: "220 mail.link.internal ESMTP\r\n"), promise: nil)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = "https://127.0.0.1:\(server.localAddress?.port ?? 0)"
        await expect(.handshakeFailed, from: address, saying: ["does not speak TLS"])
        try await server.close()
    }

    @Test func aServerThatClosesAtOnce() async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { $0.close() }
            .bind(host: "127.0.0.1", port: 0).get()
        await expect(.unreachable, from: "https://127.0.0.1:\(server.localAddress?.port ?? 0)")
        try await server.close()
    }

    /// A port where something has just ceased to listen.
    private static func unusedPort() async throws -> Int {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = server.localAddress?.port ?? 0
        try await server.close()
        return port
    }
}
