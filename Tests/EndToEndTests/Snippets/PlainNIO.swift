import Countersign
import CountersignTLS
import NIOCore
import NIOPosix

// The Swift of docs/guide/receiver.md for servers without Hummingbird, compiled and run by the tests. Change both together.

struct FilesInForce: TrustSource {
    let tls: ReloadableTLS
    var validator: PathValidator { tls.current.validator }
    var generation: Generation? { tls.changes }
}

/// A server that reads one token from each connection, and says hello to its holder.
struct PlainServer {
    let server: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>
    let authenticator: Authenticator

    static func bind(
        _ tls: ReloadableTLS, _ authenticator: Authenticator, on group: any EventLoopGroup, port: Int
    ) async throws -> PlainServer {
        let server = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try MutualTLS.configureServer(channel, tls: tls)
                return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        return PlainServer(server: server, authenticator: authenticator)
    }

    func run() async throws {
        try await server.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { group in
                for try await connection in connections {
                    group.addTask { try? await greet(connection) }
                }
            }
        }
    }

    private func greet(_ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
        try await connection.executeThenClose { inbound, outbound in
            var received = ""
            for try await bytes in inbound {
                received += String(buffer: bytes)
                if received.hasSuffix("\n") { break }
            }
            let token = received.dropLast()
            let answer: String

            let verdict = await authenticator.authenticate(
                peer: await connection.channel.mutualTLSPeer(), authorization: ["Bearer \(token)"], at: .now()
            )
            switch verdict {
            case .accepted(let caller): answer = "hello \(caller.service)\n"
            case .refused(let refusal): answer = "\(refusal.status)\n"
            }

            try await outbound.write(ByteBuffer(string: answer))
        }
    }
}

/// For servers that do their own TLS.
func peer(leaf: [UInt8], others: [[UInt8]]) throws -> Peer {
    let peer = Peer(
        provedPossessionOf: try Certificate(der: leaf),
        intermediates: try others.map { der in try Certificate(der: der) }
    )
    return peer
}
