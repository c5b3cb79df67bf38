import CountersignCrypto
import CountersignHummingbird
import CountersignTLS
import Testing

/// A resumed TLS session skips the certificate messages, and with them the verification callback. The TLS library does
/// resume sessions, in both versions, and these tests would notice if it stopped: they expect `Reused`.
@Suite(.timeLimit(.minutes(5))) struct ResumptionTests {
    static let versions = ["-tls1_2", "-tls1_3"]

    @Test(arguments: versions)
    func aResumedSessionIsJudgedAnewAndKnowsItsClient(version: String) async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.issue("user-svc.link.internal")
        try await TestServer.run(files.load()) { server in
            let session = Session(server: server, files: files, client: client, version: version)
            try await session.begin()
            let answer = try await session.resume()
            #expect(answer.output.contains("Reused, TLSv1"), "\(answer)")
            #expect(answer.output.contains("CN=user-svc.link.internal,O=Link Service"))
            #expect(server.refusals.codes == [])
        }
    }

    @Test(arguments: versions)
    func theIntermediatesOfTheFirstConnectionServeTheResumedOne(version: String) async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.intermediate().issue("user-svc.link.internal")
        try await TestServer.run(files.load()) { server in
            let session = Session(server: server, files: files, client: client, version: version)
            try await session.begin()
            let answer = try await session.resume()
            #expect(answer.output.contains("Reused, TLSv1"), "\(answer)")
            #expect(answer.output.contains("CN=user-svc.link.internal,O=Link Service"))
        }
    }

    @Test(arguments: versions)
    func aCertificateThatExpiredBetweenTheConnectionsIsRefused(version: String) async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.issue("user-svc.link.internal", until: 3600)
        let clock = HandClock()
        let configuration = MutualTLSServerConfiguration.patient { $0.clock = clock.now }
        try await TestServer.run(files.load(), configuration: configuration) { server in
            let session = Session(server: server, files: files, client: client, version: version)
            try await session.begin()
            clock.advance(seconds: 3601)
            let answer = try await session.resume()
            #expect(answer.output.contains("Reused, TLSv1"), "\(answer)")
            #expect(!answer.output.contains("HTTP/1.1"))
            #expect(try await server.refusals.codes(1) == ["certificate-expired"])
        }
    }

    @Test(arguments: versions)
    func aRevocationListThatRanOutBetweenTheConnectionsRefuses(version: String) async throws {
        let authority = try ThrowAwayAuthority()
        let files = try ServerFiles(authority, revocationList: authority.revocationList(until: 1800))
        let clock = HandClock()
        let configuration = MutualTLSServerConfiguration.patient { $0.clock = clock.now }
        let client = try authority.issue("user-svc.link.internal")
        try await TestServer.run(files.load(), configuration: configuration) { server in
            let session = Session(server: server, files: files, client: client, version: version)
            try await session.begin()
            clock.advance(seconds: 1801)
            let answer = try await session.resume()
            #expect(!answer.output.contains("HTTP/1.1"), "\(answer)")
            #expect(try await server.refusals.codes(1) == ["crl-expired"])
        }
    }

    /// New material has a ticket key of its own, so the old session cannot even be resumed.
    @Test(arguments: versions)
    func aCertificateRevokedBetweenTheConnectionsIsRefused(version: String) async throws {
        let authority = try ThrowAwayAuthority()
        let files = try ServerFiles(authority, revocationList: authority.revocationList())
        let tls = try files.load()
        let client = try authority.issue("user-svc.link.internal")
        try await TestServer.run(tls) { server in
            let session = Session(server: server, files: files, client: client, version: version)
            try await session.begin()
            try files.directory.write(authority.revocationList([client]), to: "crl.pem")
            #expect(try tls.reload(at: .now()))
            let answer = try await session.resume()
            #expect(!answer.output.contains("Reused, TLSv1"), "\(answer)")
            #expect(!answer.output.contains("HTTP/1.1"))
            #expect(try await server.refusals.codes(1) == ["certificate-revoked"])
        }
    }

    /// While the server's own certificate cannot be read, the old one stays, and with it the context and its tickets; a new list
    /// counts all the same.
    @Test(arguments: versions)
    func aSessionResumedUnderTheSameContextIsJudgedByTheNewList(version: String) async throws {
        let authority = try ThrowAwayAuthority()
        let files = try ServerFiles(authority, revocationList: authority.revocationList())
        let tls = try files.load()
        let client = try authority.issue("user-svc.link.internal")
        let other = try authority.issue("other-svc.link.internal")
        try await TestServer.run(tls) { server in
            let before = tls.current
            @Sendable func revoke(_ identity: Identity) throws {
                try files.directory.write(authority.revocationList([identity]), to: "crl.pem")
                #expect(throws: TLSError(.malformedCertificate, "")) { try tls.reload(at: .now()) }
                #expect(tls.current.context === before.context)
                #expect(tls.current.contentDigest != before.contentDigest)
            }
            let session = Session(server: server, files: files, client: client, version: version)
            try await session.begin()
            try files.directory.write(Array("no certificate".utf8), to: "server.pem")
            try revoke(other)
            let answer = try await session.resume()
            #expect(answer.output.contains("Reused, TLSv1"), "\(answer)")
            #expect(answer.output.contains("CN=user-svc.link.internal,O=Link Service"))
            #expect(server.refusals.codes == [])
            try revoke(client)
            let late = try await session.resume()
            #expect(late.output.contains("Reused, TLSv1"), "\(late)")
            #expect(!late.output.contains("HTTP/1.1"))
            #expect(try await server.refusals.codes(1) == ["certificate-revoked"])
        }
    }

    /// The client need not hold its key any more to resume; it gets no further than the certificate it began with.
    @Test(arguments: versions)
    func aSessionStaysWithTheCertificateItWasBegunWith(version: String) async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.issue("user-svc.link.internal")
        let other = try files.authority.issue("admin.link.internal")
        try await TestServer.run(files.load()) { server in
            try await Session(server: server, files: files, client: client, version: version).begin()
            let answer = try await Session(server: server, files: files, client: other, version: version).resume()
            #expect(answer.output.contains("Reused, TLSv1"), "\(answer)")
            #expect(answer.output.contains("CN=user-svc.link.internal,O=Link Service"))
        }
    }
}

/// Two connections of one TLS session, made with `openssl s_client`, which can save a session and offer it again.
private struct Session {
    let server: TestServer
    let files: ServerFiles
    let client: Identity
    let version: String

    func begin() async throws {
        let answer = try await request(["-sess_out", path])
        #expect(answer.output.contains("New, TLSv1"), "\(answer)")
        #expect(answer.output.contains("HTTP/1.1 200"), "\(answer)")
    }

    func resume() async throws -> Command {
        try await request(["-sess_in", path])
    }

    private var path: String { files.directory.path + "/session.pem" }

    private func request(_ options: [String]) async throws -> Command {
        let paths = try client.write(to: files.directory, as: "client")
        return try await Command.run(
            "openssl",
            [
                "s_client", "-connect", "127.0.0.1:\(server.port)", version, "-ign_eof",
                "-CAfile", files.directory.path + "/ca.pem",
                "-cert", paths.certificate, "-cert_chain", paths.certificate, "-key", paths.key,
            ] + options,
            input: "GET /peer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            in: files.directory
        )
    }
}
