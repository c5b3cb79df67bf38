import Hummingbird
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

@testable import CountersignCLI

/// What an agent bears from those who connect to it.
@Suite(.serialized) struct AgentListenerTests {
    /// Runs a listener on a port of the system's choice.
    private func listening(
        _ limits: AgentListener.Limits, _ body: @escaping @Sendable (_ port: Int) async throws -> Void
    ) async throws {
        let router = Router(context: AgentContext.self)
        router.get("livez") { _, _ in "live" }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let (ports, port) = AsyncStream<Int>.makeStream()
        let listener = AgentListener(
            address: .hostname("127.0.0.1", port: 0), name: "127.0.0.1:0", responder: router.buildResponder(), limits: limits,
            logger: logger
        ) { channel in
            port.yield(channel.localAddress?.port ?? 0)
            port.finish()
        }
        let group = ServiceGroup(services: [listener], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do {
                for await port in ports { try await body(port) }
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test(.timeLimit(.minutes(2))) func whoeverConnectsAndSaysNothingIsCutOff() async throws {
        try await listening(.init(idleTimeout: .milliseconds(200))) { port in
            let silent = try await RawConnection(to: port)
            let slow = try await RawConnection(to: port)
            await slow.send(Array("GET /livez HTTP/1.1\r\nHost: a".utf8))
            try await silent.end()
            try await slow.end()
        }
    }

    /// A body that comes slowly is a request that never ends.
    @Test(.timeLimit(.minutes(2))) func whoeverSendsABodyIsCutOffAfterTheAnswer() async throws {
        try await listening(.init(idleTimeout: .seconds(3600))) { port in
            for field in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
                let slow = try await RawConnection(to: port)
                await slow.send(Array("GET /livez HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n".utf8))
                try await slow.end()
                #expect(slow.received.hasPrefix("HTTP/1.1 200 ") && slow.received.hasSuffix("live"))
            }
            let probe = try await RawConnection(to: port)
            for count in 1...2 {
                await probe.send(Array("GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".utf8))
                try await eventually("an answer") { probe.received.split(separator: "HTTP/1.1 200").count == count }
            }
            await probe.close()
        }
    }

    @Test(.timeLimit(.minutes(2))) func noMoreConnectionsAreAcceptedThanThereIsRoomFor() async throws {
        try await listening(.init(idleTimeout: .seconds(3600), maximumConnections: 2)) { port in
            let request = Array("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            let (first, second) = (try await RawConnection(to: port), try await RawConnection(to: port))
            for connection in [first, second] {
                await connection.send(request)
                try await eventually("an answer") { connection.received.hasSuffix("live") }
            }
            // The system has taken it; the agent has not, though it is at work.
            let third = try await RawConnection(to: port)
            await third.send(request)
            for count in 2...20 {
                await second.send(request)
                try await eventually("one more answer") { second.received.split(separator: "HTTP/1.1 200").count == count }
            }
            #expect(third.received == "")
            await first.close()
            try await eventually("an answer when there is room") { third.received.hasSuffix("live") }
            for connection in [second, third] { await connection.close() }
        }
    }
}
