import CountersignCrypto

/// What one core of this machine can do at most of what no token can be had without, measured in this process by its own
/// processor time: what else goes on meanwhile does not change it.
struct MachineLimit: Sendable {
    let mode: BenchMode
    /// By the code that the issuer signs with.
    let signaturesPerSecond: Double
    /// The server's side of handshakes as `mode` needs them; `nil` for ``BenchMode/mint``.
    let handshakesPerSecond: Double?

    /// One signature for each token, and for a mode with new connections one handshake.
    var tokensPerSecond: Double {
        guard let handshakesPerSecond else { return signaturesPerSecond }
        return 1 / (1 / signaturesPerSecond + 1 / handshakesPerSecond)
    }

    /// What is counted.
    var parts: [(words: String, perSecond: Double)] {
        let handshake =
            mode == .resume
            ? "the server's side of a resumed handshake: a key agreement"
            : "the server's side of a handshake with P-256: a key agreement, a signature, and the verification of the client's "
                + "signature and certificate"
        return [("an RSA-2048 signature", signaturesPerSecond)] + (handshakesPerSecond.map { [(handshake, $0)] } ?? [])
    }

    /// Takes about a second, two for a mode with new connections, and a whole core: blocks.
    static func measure(_ mode: BenchMode, at now: Timestamp) throws -> MachineLimit {
        MachineLimit(
            mode: mode, signaturesPerSecond: try signatures(),
            handshakesPerSecond: mode == .mint ? nil : try handshakes(isResuming: mode == .resume, at: now)
        )
    }

    private static let length = Duration.seconds(1)

    private static func signatures() throws -> Double {
        let key = try RSAPrivateKey.generate()
        let message = [UInt8](repeating: 0x61, count: 512)
        _ = try key.signature(for: message)
        let end = ContinuousClock.now + length
        let began = ProcessorTime.ofThread()
        var count = 0.0
        while ContinuousClock.now < end {
            _ = try key.signature(for: message)
            count += 1
        }
        return count / ((ProcessorTime.ofThread() - began) / .seconds(1))
    }

    private static func handshakes(isResuming: Bool, at now: Timestamp) throws -> Double {
        let (client, server) = try ends(at: now)
        let first = try TLSMemoryHandshake.run(client: client, server: server, clock: ProcessorTime.ofThread)
        var session = first.session
        var (count, spent) = (0.0, Duration.zero)
        let end = ContinuousClock.now + length
        while ContinuousClock.now < end {
            let outcome = try TLSMemoryHandshake.run(
                client: client, server: server, resuming: isResuming ? session : nil, clock: ProcessorTime.ofThread)
            guard outcome.isResumed == isResuming else {
                throw CommandFailure.software("the TLS library does not resume sessions in memory")
            }
            session = outcome.session
            count += 1
            spent += outcome.serverTime
        }
        return count / (spent / .seconds(1))
    }

    /// Two ends with throw-away certificates of one authority.
    private static func ends(at now: Timestamp) throws -> (client: TLSContext, server: TLSContext) {
        func template(_ name: String, _ role: CertificateTemplate.Role) throws -> CertificateTemplate {
            CertificateTemplate(
                subject: try DistinguishedName(rfc4514: "CN=\(name)"), role: role, notBefore: now.adding(seconds: -60),
                notAfter: now.adding(seconds: 3600))
        }
        let (authorityKey, key) = (try PrivateKey.generate(.ecP256), try PrivateKey.generate(.ecP256))
        let authority = try template("authority", .authority(pathLength: nil)).selfSigned(with: authorityKey)
        let service = try template("service", .service([.client, .server]))
            .issued(for: key.publicKey, by: authority, key: authorityKey)
        return (
            client: try TLSContext(.client, chain: [service], key: key, anchors: [authority]),
            server: try TLSContext(.server, chain: [service], key: key, anchors: [authority])
        )
    }
}
