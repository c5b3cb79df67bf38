import CountersignClient
import CountersignCrypto
import CountersignTesting
import Testing

/// After a deployment everybody starts at once: a herd of callers against one issuer on this machine.
///
/// `COUNTERSIGN_LONG_TESTS=1 swift test -c release -Xswiftc -enable-testing --filter HerdTests` has a thousand of them and states
/// the time beside what this machine can do at most.
@Suite(.serialized) struct HerdTests {
    private static let callers = ProofSize.of(60, long: 1000)

    @Test(.timeLimit(.minutes(10))) func everybodyHasATokenAndTheIssuerStaysSmall() async throws {
        let folder = try IssuerFolder()
        let issuer = try await RunningIssuer.start(folder)
        let address = "https://127.0.0.1:\(issuer.port)"
        let tls = try ReloadableTLS(folder.tlsFiles(of: "user-svc"), role: .client, at: .now())
        // The first connection makes the issuer load what it loads once.
        _ = try await folder.caller(address, tls: tls).token(for: "search-svc")
        let before = try issuer.program.residentKiB()

        let clock = ContinuousClock()
        let sources = try (0..<Self.callers).map { _ in try folder.caller(address, tls: tls, requestTimeout: .seconds(120)) }
        let began = clock.now
        var tokens: Set<String> = []
        try await withThrowingTaskGroup(of: String.self) { group in
            for source in sources {
                group.addTask {
                    try await Task.sleep(for: .seconds(Double.random(in: 0..<1)))
                    return try await source.token(for: "search-svc").value
                }
            }
            for try await token in group { tokens.insert(token) }
        }
        let time = began.duration(to: clock.now)
        #expect(tokens.count == Self.callers)
        // All connections are open still, each with its buffers and its TLS state.
        let weight = try issuer.program.residentKiB() - before
        #expect(weight < 64 * 1024 + Self.callers * 128, "\(weight) KiB for \(Self.callers) connections")

        if ProofSize.isLong {
            let handshakes = try await Self.handshakesPerSecond(folder, address, tls)
            let signatures = try Self.signaturesPerSecond()
            let limit = Double(Self.callers) / handshakes
            ProofSize.state(
                """
                \(Self.callers) callers within one second: all had a token after \(time); the issuer grew by \(weight) KiB. With as many \
                connections at a time as are fastest this machine makes \(Int(handshakes)) handshakes with a token per second, both \
                ends on it (\(limit) s for all), and \(Int(signatures)) RSA signatures per second on one core
                """)
        }
        #expect(try await issuer.stop() == 0)
    }

    /// New connections with one token each, as many at a time as there are cores, twice over.
    private static func handshakesPerSecond(
        _ folder: IssuerFolder, _ address: String, _ tls: ReloadableTLS
    ) async throws -> Double {
        let clock = ContinuousClock()
        let began = clock.now
        let rounds = 100
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<rounds { _ = try await folder.caller(address, tls: tls).token(for: "search-svc") }
                }
            }
            try await group.waitForAll()
        }
        return Double(4 * rounds) / (began.duration(to: clock.now) / .seconds(1))
    }

    private static func signaturesPerSecond() throws -> Double {
        let key = try RSAPrivateKey.generate()
        let clock = ContinuousClock()
        let time = try clock.measure { for _ in 0..<500 { _ = try key.signature(for: [1, 2, 3]) } }
        return 500 / (time / .seconds(1))
    }
}
