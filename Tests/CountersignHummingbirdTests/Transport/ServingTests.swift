import CountersignCrypto
import CountersignHummingbird
import CountersignTLS
import Testing

@Suite struct ServingTests {
    @Test(arguments: ["--http1.1", "--http2"])
    func aClientOfTheCAReachesARouteThatKnowsItsSubject(version: String) async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.issue("user-svc.link.internal").write(to: files.directory, as: "client")
        try await TestServer.run(files.load()) { server in
            let result = try await server.curl("/peer", as: client, [version, "--write-out", " %{http_version}"], in: files)
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output == "CN=user-svc.link.internal,O=Link Service " + (version == "--http2" ? "2" : "1.1"))
            #expect(server.refusals.codes == [])
        }
    }

    /// Whoever serves a request also opens connections of his own: the caller's name must not go over to them.
    @Test(arguments: ["--http1.1", "--http2"])
    func anotherChannelIsNotTakenForTheCallers(version: String) async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.issue("user-svc.link.internal").write(to: files.directory, as: "client")
        try await TestServer.run(files.load()) { server in
            let result = try await server.curl("/stranger", as: client, [version], in: files)
            #expect(result.output == "nobody", "\(result.errors)")
        }
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func aRequestRunsOnItsConnectionsEventLoop(version: String) async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.issue("user-svc.link.internal").write(to: files.directory, as: "client")
        try await TestServer.run(files.load()) { server in
            let result = try await server.curl("/loop", as: client, [version], in: files)
            #expect(result.output == "true", "\(result.errors)")
        }
    }
}
