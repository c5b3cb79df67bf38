import CountersignClient
import CountersignTesting
import Testing

@testable import Countersign
@testable import class CountersignClient.RemoteStatusSource

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
                let tokens = TokenSource(try issuer([port.address], requestTimeout: .seconds(2)))
                _ = try await tokens.token(for: "search-svc")
                // A machine that is busy may need another one.
                #expect((2...5).contains(port.count))
            }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func twoThatHangLeaveTimeForTheThird() async throws {
        let world = world
        try await IssuerServer.run(world.authority) {
            try world.answer(to: $0, audience: $0.form.contains("mail-svc") ? "mail-svc" : "search-svc")
        } _: { server in
            try await SilentPort.run { first in
                try await SilentPort.run { second in
                    let issuer = try issuer([first.address, second.address, server.address])
                    let tokens = TokenSource(issuer, configuration: .init(fetchTimeout: .seconds(9)))
                    _ = try await tokens.token(for: "search-svc")
                    #expect([first.count, second.count, server.requests.count] == [1, 1, 1])
                    _ = try await tokens.token(for: "mail-svc")
                    #expect([first.count, second.count, server.requests.count] == [1, 1, 2])
                }
            }
        }
    }

    /// With all options as they come: a receiver must not answer 503 because the first of its issuers hangs.
    @Test(.timeLimit(.minutes(1)))
    func aStatusComesFromTheSecondAddressWithinTheFirstFetch() async throws {
        let world = world
        let signer = TokenSigner(key: world.issuer.key)
        try await IssuerServer.run(world.authority) { request in
            guard request.path.hasSuffix("countersign-status") else { return world.keySetAnswer }
            let status = RevocationStatus(
                issuer: TestIssuer.address, issuedAt: .now(), expiresAt: Timestamp.now().adding(seconds: 120), poll: 15,
                number: 1,
                revocations: Revocations(services: ["gone-svc"])
            )
            return .init(
                headers: [("Content-Type", "application/\(RevocationStatus.type)")],
                body: try signer.statement(type: RevocationStatus.type, payload: try status.json())
            )
        } _: { server in
            try await SilentPort.run { silent in
                let issuer = try issuer([silent.address, server.address])
                let status = RemoteStatusSource(issuer, keys: RemoteKeySource(issuer), expecting: TestIssuer.address)
                await status.fetch()
                #expect(try status.revocations(at: .now()).services == ["gone-svc"])
                #expect(silent.count == 1)
            }
        }
    }
}
