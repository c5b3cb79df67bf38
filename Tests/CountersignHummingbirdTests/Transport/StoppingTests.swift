import CountersignHummingbird
import CountersignTLS
import NIOCore
import NIOPosix
import NIOSSL
import Testing

/// The server stops when `TestServer.run` returns; a client that holds it up makes these tests run into their time limit.
@Suite(.timeLimit(.minutes(5))) struct StoppingTests {
    private static let configuration = MutualTLSServerConfiguration.patient { $0.drainTimeout = .milliseconds(300) }

    /// Opens a connection that stays open and sends `bytes`, then stops the server.
    private func stop(while bytes: [UInt8], tls withTLS: Bool, protocols: [String] = []) async throws -> [String] {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        let loaded = try files.load()
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            let (ports, port) = AsyncStream<Int>.makeStream()
            let (connected, connection) = AsyncStream<Void>.makeStream()
            tasks.addTask {
                for await port in ports {
                    try? await RawClient.withConnection(
                        to: port, tls: withTLS ? client : nil, protocols: protocols
                    ) { inbound, outbound in
                        try await outbound.write(ByteBuffer(bytes: bytes))
                        if !withTLS { connection.yield() }
                        for try await _ in inbound { connection.yield() }
                    }
                    return
                }
            }
            let other = try files.authority.issue("other").write(to: files.directory, as: "other")
            let refusals = try await TestServer.run(loaded, configuration: Self.configuration, eventLoops: 1) { server in
                port.yield(server.port)
                for await _ in connected { break }
                // Connections are taken in their order: with this one the server has the other, too.
                let seen = try await server.curl("/peer", as: other, in: files)
                #expect(seen.output.contains("CN=other"))
                return server.refusals
            }
            try await tasks.waitForAll()
            return refusals.codes
        }
    }

    @Test func anHTTP2ClientThatIgnoresTheFarewellDoesNotHoldUpTheStop() async throws {
        let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
        #expect(try await stop(while: preface, tls: true, protocols: ["h2"]) == [])
    }

    @Test func anIdleHTTP1ClientDoesNotHoldUpTheStop() async throws {
        #expect(try await stop(while: Array("GET /peer HTTP/1.1\r\nHost: a\r\n\r\n".utf8), tls: true) == [])
    }

    @Test func aClientInItsHandshakeDoesNotHoldUpTheStop() async throws {
        #expect(try await stop(while: [0x16], tls: false) == ["server-stopping"])
    }

    /// Not reading, it does not see that the server says farewell, which the server would wait five seconds for.
    @Test func aClientThatDoesNotTakeItsLeaveDoesNotHoldUpTheStop() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let context = try NIOSSLContext(configuration: files.client().configuration)
        let (client, stopped) = try await TestServer.run(files.load(), configuration: Self.configuration) { server in
            defer { server.gate.open() }
            let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                    }
                }
                .connect(host: "127.0.0.1", port: server.port).get()
            try await client.writeAndFlush(ByteBuffer(string: "GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            try await server.gate.untilArrived(1)
            try await client.setOption(.autoRead, value: false).get()
            return (client, ContinuousClock.now)
        }
        #expect(stopped.duration(to: .now) < .seconds(4))
        client.close(promise: nil)
    }
}
