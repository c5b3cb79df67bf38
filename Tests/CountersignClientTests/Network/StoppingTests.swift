import CountersignClient
import CountersignTesting
import Hummingbird
import Logging
import ServiceLifecycle
import Testing

/// A program that is told to stop while it waits for its issuer, which takes connections and says nothing.
struct StoppingTests {
    @Test(.timeLimit(.minutes(1)), arguments: ["keys", "status"])
    func aReceiverThatWaitsForItsIssuerStops(waitingFor what: String) async throws {
        let world = try NetworkWorld()
        try await SilentPort.run { port in
            let issuer = try IssuerClient(
                [port.address], tls: ReloadableTLS(world.files(), role: .client, at: .now()), logger: .silent
            )
            let keys = RemoteKeySource(issuer)
            let status = RemoteStatusSource(issuer, keys: keys, expecting: TestIssuer.address)
            var application = Application(
                router: Router(), configuration: .init(address: .hostname("127.0.0.1", port: 0)), logger: .silent
            )
            application.beforeServerStarts {
                if what == "keys" { try await keys.waitUntilReady() } else { try await status.waitUntilReady() }
            }
            let group = ServiceGroup(configuration: .init(services: [application], logger: .silent))
            await #expect(throws: CancellationError.self) {
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    tasks.addTask { try await group.run() }
                    await eventually("asks") { port.count > 0 }
                    await group.triggerGracefulShutdown()
                    try await tasks.next()
                }
            }
        }
    }
}
