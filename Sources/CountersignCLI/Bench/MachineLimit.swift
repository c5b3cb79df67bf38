import CountersignCrypto

/// What one core of this machine can do at most of what no token can be had without, measured in this process by its own
/// processor time: what else goes on meanwhile does not change it.
struct MachineLimit: Sendable {
    let mode: BenchMode
    /// By the code that the issuer signs with.
    let signaturesPerSecond: Double
    /// The public-key operations of the server's side of handshakes as `mode` needs them; `nil` for ``BenchMode/mint``.
    let handshakesPerSecond: Double?

    /// One signature for each token, and for a mode with new connections one handshake.
    var tokensPerSecond: Double {
        guard let handshakesPerSecond else { return signaturesPerSecond }
        return 1 / (1 / signaturesPerSecond + 1 / handshakesPerSecond)
    }

    /// What is counted.
    var parts: [(words: String, perSecond: Double)] {
        let agreement = "a TLS 1.3 handshake: X25519 key and agreement"
        let handshake = mode == .resume ? agreement : agreement + ", P-256 signature and verification"
        return [("an RSA-2048 signature", signaturesPerSecond)] + (handshakesPerSecond.map { [(handshake, $0)] } ?? [])
    }

    /// Takes about a second, two for a mode with new connections, and a whole core: blocks.
    static func measure(_ mode: BenchMode) throws -> MachineLimit {
        MachineLimit(
            mode: mode, signaturesPerSecond: try signatures(),
            handshakesPerSecond: mode == .mint ? nil : try handshakes(isResuming: mode == .resume)
        )
    }

    private static func signatures() throws -> Double {
        let key = try RSAPrivateKey.generate()
        let message = [UInt8](repeating: 0x61, count: 512)
        return try perSecond { _ = try key.signature(for: message) }
    }

    private static func handshakes(isResuming: Bool) throws -> Double {
        let operations = try HandshakeOperations()
        return try perSecond { try isResuming ? operations.resumed() : operations.full() }
    }

    private static func perSecond(_ operation: () throws -> Void) rethrows -> Double {
        try operation()
        let end = ContinuousClock.now + .seconds(1)
        let began = ProcessorTime.ofProcess()
        var count = 0.0
        while ContinuousClock.now < end {
            try operation()
            count += 1
        }
        return count / ((ProcessorTime.ofProcess() - began) / .seconds(1))
    }
}
