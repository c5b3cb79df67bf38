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

    @Test func clientsOfOneEventLoopAreNotMistakenForEachOther() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let names = ["user-svc", "billing-svc"].map { "\($0).link.internal" }
        let clients = try names.map { try files.authority.issue($0).write(to: files.directory, as: $0) }
        try await TestServer.run(files.load(), eventLoops: 1) { server in
            // Many requests on each of two connections, side by side.
            async let first = server.curl("/peer?[1-50]", as: clients[0], in: files)
            async let second = server.curl("/peer?[1-50]", as: clients[1], in: files)
            for (name, result) in zip(names, try await [first, second]) {
                #expect(result.output == String(repeating: "CN=\(name),O=Link Service", count: 50), "\(result.errors)")
            }
        }
    }

    @Test func aClientThatHasLeftIsNobody() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        try await TestServer.run(files.load()) { server in
            try await Talk.with(server, as: client) { talk in
                try await talk.say("GET /left HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try await server.gate.untilArrived(1)
            }
            try await eventually("the request notices") { !server.gate.notes.isEmpty }
            #expect(server.gate.notes == ["nobody"])
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
