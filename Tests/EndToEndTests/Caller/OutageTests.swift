import CountersignClient
import CountersignTesting
import Foundation
import ServiceLifecycle
import Synchronization
import Testing

/// The issuer is killed for longer than half a token's life, while services go on calling.
@Suite(.serialized) struct OutageTests {
    private static let life = ProofSize.of(20, long: 120)
    private static let outage = Duration.seconds(ProofSize.of(11, long: 70))
    private static let callers = ProofSize.of(10, long: 100)

    @Test(.timeLimit(.minutes(8))) func noCallFailsAndNobodyStampedesAfterwards() async throws {
        let folder = try IssuerFolder()
        let port = try await RawConnection.freePort()
        let configuration = try folder.configuration(
            "outage",
            replacing: ("search:write], lifetime: 5m", "search:write], lifetime: \(Self.life)s"),
            ("listen: 127.0.0.1:0", "listen: 127.0.0.1:\(port)")
        )
        var issuer = try await RunningIssuer.start(folder, configuration: configuration)
        let tls = try ReloadableTLS(folder.tlsFiles(of: "user-svc"), role: .client, at: .now())
        let sources = try (0..<Self.callers).map { _ in try folder.caller("https://127.0.0.1:\(port)", tls: tls) }
        let calls = Calls()
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            for source in sources {
                group.addTask { try await source.run() }
                group.addTask { await calls.make(with: source) }
            }
            try await eventually("everybody has a token and calls", within: .seconds(60)) {
                calls.count > Self.callers * 10 && sources.allSatisfy { $0.cachedToken(for: "search-svc") != nil }
            }
            kill(issuer.processIdentifier, SIGALRM)
            try await eventually("it is gone") { !issuer.isRunning }
            let died = ContinuousClock.now
            try await Task.sleep(for: Self.outage)
            let callsBefore = calls.count
            issuer = try await RunningIssuer.start(folder, configuration: configuration)
            let gone = died.duration(to: .now)
            let recovering = calls.tokens
            try await eventually("everybody has a token of the issuer that came back", within: .seconds(60)) {
                let inHand = Set(sources.compactMap { $0.cachedToken(for: "search-svc")?.value })
                return inHand.count == Self.callers && inHand.isDisjoint(with: recovering)
            }
            #expect(calls.count > callsBefore)
            // One token for each: nobody asked twice for what he had.
            let issued = try issuer.log().split(separator: "\n").count { $0.contains("token issued") }
            #expect(issued <= Self.callers * 2, "\(issued) tokens for \(Self.callers) callers")
            ProofSize.state(
                "an outage of \(gone) with tokens of \(Self.life) s: \(calls.count) calls, \(calls.failures.count) failed")
        }
        #expect(calls.failures.isEmpty, "\(calls.failures.count) of \(calls.count): \(calls.failures.first ?? "")")
        #expect(try await issuer.stop() == 0)
    }

    /// What many callers came to.
    private final class Calls: Sendable {
        private struct State {
            var count = 0
            var tokens: Set<String> = []
            var failures: [String] = []
        }

        private let state = Mutex(State())

        var count: Int { state.withLock { $0.count } }
        var tokens: Set<String> { state.withLock { $0.tokens } }
        var failures: [String] { state.withLock { $0.failures } }

        /// Asks for a token fifty times a second until cancelled, as a service under steady load does.
        func make(with source: TokenSource) async {
            while !Task.isCancelled {
                do {
                    let token = try await source.token(for: "search-svc")
                    state.withLock { state in
                        state.count += 1
                        state.tokens.insert(token.value)
                    }
                } catch {
                    guard error.code != .cancelled else { return }
                    state.withLock { $0.failures.append("\(error.code): \(error)") }
                }
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
