import CountersignTesting
import Testing

@testable import CountersignClient

/// Addresses that take a connection and say nothing, over real sockets.
struct HangingAddressTests {
    private let world: NetworkWorld

    init() throws {
        world = try NetworkWorld()
    }

    private func issuer(_ addresses: [String], requestTimeout: Duration = .seconds(5)) throws -> IssuerClient {
        try IssuerClient(
            addresses, tls: ReloadableTLS(world.files(), role: .client, at: .now()),
            configuration: .init(requestTimeout: requestTimeout), logger: .silent
        )
    }

    /// One connection is lost on the way, for instance because a firewall forgot it. The next request makes another one.
    @Test(.timeLimit(.minutes(1)))
    func aConnectionThatNeverComesAboutHoldsUpNoLaterRequest() async throws {
        let world = world
        try await IssuerServer.run(world.authority) {
            try world.answer(to: $0)
        } _: { server in
            try await SilentPort.run(swallowing: 1, before: server.port) { port in
                let tokens = TokenSource(try issuer([port.address], requestTimeout: .seconds(1)))
                _ = try await tokens.token(for: "search-svc")
                #expect(port.count == 2)
                #expect(server.requests.count == 1)
            }
        }
    }
}
