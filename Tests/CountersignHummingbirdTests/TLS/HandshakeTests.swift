import CountersignCrypto
import CountersignHummingbird
import CountersignTLS
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(5))) struct HandshakeTests {
    private enum Outcome: Equatable {
        case served(String)
        case refused([String])
    }

    /// What a client's first request comes to: its subject in an answer, or nothing and a line in the log.
    private func attempt(
        _ files: ServerFiles,
        as client: Identity?,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) async throws -> Outcome {
        let paths = try client?.write(to: files.directory, as: "client")
        return try await TestServer.run(files.load(), configuration: .patient { $0.clock = clock }) { server in
            let result = try await server.curl("/peer", as: paths, in: files)
            guard result.output.isEmpty else {
                return result.status == 0 && server.refusals.codes.isEmpty ? .served(result.output) : .refused([result.output])
            }
            return try await .refused(server.refusals.codes(1))
        }
    }

    private func expect(
        _ expected: Outcome,
        _ files: ServerFiles,
        as client: Identity?,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let outcome = try await attempt(files, as: client, clock: clock)
        #expect(outcome == expected, sourceLocation: sourceLocation)
    }

    @Test func aClientWithoutACertificateIsRefused() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        try await expect(.refused(["no-certificate"]), files, as: nil)
    }

    @Test func aCertificateOfAnotherAuthorityIsRefused() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let stranger = try ThrowAwayAuthority(name: "Another Root").issue("user-svc.link.internal")
        try await expect(.refused(["certificate-untrusted"]), files, as: stranger)
        // The same name is not the same authority.
        let impostor = try ThrowAwayAuthority().issue("user-svc.link.internal")
        try await expect(.refused(["certificate-untrusted"]), files, as: impostor)
    }

    @Test(arguments: [(-600, -1, "certificate-expired"), (600, 3600, "certificate-not-yet-valid")])
    func aCertificateOutsideItsTimeIsRefused(from: Int, until: Int, code: String) async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.issue("user-svc.link.internal", from: Int64(from), until: Int64(until))
        try await expect(.refused([code]), files, as: client)
    }

    @Test func aServersCertificateIsNotAClients() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let server = try files.authority.issue("user-svc.link.internal", purposes: [.server])
        try await expect(.refused(["certificate-purpose"]), files, as: server)
    }

    @Test func anAuthoritysCertificateIsNotAClients() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        // Its key may sign certificates and not handshakes; the TLS library sees that first.
        try await expect(.refused(["handshake-failed"]), files, as: files.authority.identity)
    }

    @Test func aRevokedCertificateIsRefusedAndItsNeighbourIsNot() async throws {
        let authority = try ThrowAwayAuthority()
        let revoked = try authority.issue("user-svc.link.internal")
        let files = try ServerFiles(authority, revocationList: authority.revocationList([revoked]))
        try await expect(.refused(["certificate-revoked"]), files, as: revoked)
        let neighbour = try authority.issue("user-svc.link.internal")
        try await expect(.served("CN=user-svc.link.internal,O=Link Service"), files, as: neighbour)
    }

    @Test func nobodyIsAcceptedOnAListThatHasRunOut() async throws {
        let authority = try ThrowAwayAuthority()
        let client = try authority.issue("user-svc.link.internal", until: 86_000)
        let files = try ServerFiles(authority, revocationList: authority.revocationList())
        let later = ThrowAwayAuthority.now.adding(seconds: 7200)
        try await expect(.refused(["crl-expired"]), files, as: client, clock: { later })
    }

    @Test func aChainThroughAnIntermediateIsAcceptedAndALeafAloneIsNot() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        var client = try files.authority.intermediate().issue("user-svc.link.internal")
        try await expect(.served("CN=user-svc.link.internal,O=Link Service"), files, as: client)
        client.intermediates = []
        try await expect(.refused(["certificate-untrusted"]), files, as: client)
    }

    @Test func aRefusalSaysWhoWasRefused() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try ThrowAwayAuthority().issue("user-svc.link.internal")
        let paths = try client.write(to: files.directory, as: "client")
        let descriptions = try await TestServer.run(files.load()) { server in
            _ = try await server.curl("/peer", as: paths, in: files)
            _ = try await server.refusals.codes(1)
            return server.refusals.descriptions
        }
        let description = try #require(descriptions.first)
        #expect(description.hasPrefix("certificate-untrusted subject=CN=user-svc.link.internal,O=Link Service serial="))
        #expect(description.contains("remote=[IPv4]127.0.0.1"))
    }

    @Test func aNewRevocationListCountsAtOnceForOldAndNewConnections() async throws {
        let authority = try ThrowAwayAuthority()
        let files = try ServerFiles(authority, revocationList: authority.revocationList())
        let tls = try files.load()
        let client = try authority.issue("user-svc.link.internal")
        let paths = try client.write(to: files.directory, as: "client")
        try await TestServer.run(tls) { server in
            #expect(try await server.curl("/peer", as: paths, in: files).status == 0)
            let peer = Peer(provedPossessionOf: client.certificate, intermediates: [])
            #expect(throws: Never.self) { try peer.standing(under: tls.current.validator, purpose: .client, at: .now()).get() }

            try files.directory.write(authority.revocationList([client]), to: "crl.pem", mode: 0o644)
            #expect(try tls.reload(at: .now()))

            #expect(throws: PathFailure(.revoked, "")) {
                try peer.standing(under: tls.current.validator, purpose: .client, at: .now()).get()
            }
            #expect(try await server.curl("/peer", as: paths, in: files).status != 0)
            #expect(try await server.refusals.codes(1) == ["certificate-revoked"])
        }
    }

    @Test func aHandshakeThatIsNotCompleteInTimeIsCut() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let configuration = MutualTLSServerConfiguration.patient { $0.handshakeTimeout = .milliseconds(100) }
        try await TestServer.run(files.load(), configuration: configuration) { server in
            let silence: [UInt8] = []
            _ = try await RawClient.exchange(silence, with: server.port, tls: nil)
            #expect(try await server.refusals.codes(1) == ["handshake-timeout"])
            let beginningOfHello: [UInt8] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01]
            _ = try await RawClient.exchange(beginningOfHello, with: server.port, tls: nil)
            #expect(try await server.refusals.codes(2) == ["handshake-timeout", "handshake-timeout"])
        }
    }

    @Test func whatIsNotTLSIsClosedAndDisturbsNobody() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        try await TestServer.run(files.load()) { server in
            _ = try await RawClient.exchange("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8, with: server.port, tls: nil)
            _ = try await RawClient.exchange((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 37) }, with: server.port, tls: nil)
            #expect(try await server.refusals.codes(2) == ["not-tls", "not-tls"])
            let answer = try await RawClient.exchange(
                "GET /peer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8,
                with: server.port,
                tls: client
            )
            #expect(answer.hasSuffix("CN=user-svc.link.internal,O=Link Service"))
        }
    }

    @Test func aClientThatHangsUpIsNotMistakenForAnythingElse() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        try await TestServer.run(files.load()) { server in
            try await RawClient.withConnection(to: server.port, tls: nil) { _, _ in }
            // Both connections may be on their way at once; this one is over when the server has had time for the first.
            while server.refusals.codes.isEmpty {
                // At the time limit, requests end at once and without an error.
                try Task.checkCancellation()
                _ = try await RawClient.exchange(Array("GET / HTTP/1.0\r\n\r\n".utf8), with: server.port, tls: client)
            }
            #expect(try await server.refusals.codes(1) == ["handshake-aborted"])
        }
    }

    @Test(arguments: [
        ["-tls1_1"], ["-tls1_2", "-cipher", "AES128-GCM-SHA256"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
    ])
    func anOldVersionOrAWeakCipherSuiteIsRefused(options: [String]) async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let paths = try files.authority.issue("user-svc.link.internal").write(to: files.directory, as: "client")
        try await TestServer.run(files.load()) { server in
            let common = ["s_client", "-connect", "127.0.0.1:\(server.port)", "-cert", paths.certificate, "-key", paths.key]
            // Without lowering its own bar openssl would not even ask.
            let lowered = options.contains("-cipher") ? [] : ["-cipher", "DEFAULT@SECLEVEL=0"]
            let refused = try await Command.run("openssl", common + options + lowered, in: files.directory)
            #expect(refused.output.contains("no peer certificate available"), "\(refused)")
            #expect(try await server.refusals.codes(1) == ["handshake-failed"])
            let accepted = try await Command.run(
                "openssl", common + ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], in: files.directory
            )
            #expect(accepted.output.contains("BEGIN CERTIFICATE"), "\(accepted)")
        }
    }

    @Test func aReloadChangesTheCertificateOfNewConnectionsAndLeavesOldOnesAlone() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let tls = try files.load()
        let client = try files.client()
        let renewed = try files.authority.issue("server.link.internal")
        try await TestServer.run(tls) { server in
            try await RawClient.withConnection(to: server.port, tls: client) { inbound, outbound in
                var answers = inbound.makeAsyncIterator()
                let request = ByteBuffer(string: "GET /peer HTTP/1.1\r\nHost: localhost\r\n\r\n")
                for round in 1...2 {
                    try await outbound.write(request)
                    let answer = try await answers.next().map { String(buffer: $0) } ?? ""
                    #expect(answer.hasPrefix("HTTP/1.1 200 "), "round \(round): \(answer)")
                    if round == 1 {
                        _ = try renewed.write(to: files.directory, as: "server")
                        #expect(try tls.reload(at: .now()))
                    }
                }
            }
            let connect = ["s_client", "-connect", "127.0.0.1:\(server.port)"]
            let shown = try await Command.run("openssl", connect, in: files.directory)
            #expect(try Certificate.parsePEM(Array(shown.output.utf8)).first == renewed.certificate)
        }
    }
}
