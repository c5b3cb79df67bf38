import NIOCore
import NIOPosix
import Synchronization

/// A port of this machine that takes connections and says nothing on them: on all, or on the first few; the others lead to another.
final class SilentPort: Sendable {
    private struct State {
        var port = 0
        var connections: [any Channel] = []
    }

    private let state = Mutex(State())

    private init() {}

    var address: String { "https://127.0.0.1:\(state.withLock { $0.port })" }

    /// How many connections it has taken.
    var count: Int { state.withLock { $0.connections.count } }

    /// Listens for as long as `body` takes.
    ///
    /// - Parameters:
    ///   - swallowed: how many connections stay silent.
    ///   - target: the port that the others lead to.
    static func run<Value: Sendable>(
        swallowing swallowed: Int = .max, before target: Int = 0, _ body: (SilentPort) async throws -> Value
    ) async throws -> Value {
        let silent = SilentPort()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                let number = silent.state.withLock { state in
                    state.connections.append(channel)
                    return state.connections.count
                }
                return number <= swallowed ? channel.eventLoop.makeSucceededVoidFuture() : join(channel, to: target)
            }
            .bind(host: "127.0.0.1", port: 0).get()
        silent.state.withLock { $0.port = server.localAddress?.port ?? 0 }
        let outcome: Result<Value, any Error>
        do { outcome = .success(try await body(silent)) } catch { outcome = .failure(error) }
        try await server.close()
        for connection in silent.state.withLock({ $0.connections }) { connection.close(promise: nil) }
        return try outcome.get()
    }

    private static func join(_ channel: any Channel, to port: Int) -> EventLoopFuture<Void> {
        ClientBootstrap(group: channel.eventLoop)
            .channelInitializer { $0.pipeline.addHandler(Passage(to: channel)) }
            .connect(host: "127.0.0.1", port: port)
            .flatMap { channel.pipeline.addHandler(Passage(to: $0)) }
    }

    private final class Passage: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        private let other: any Channel

        init(to other: any Channel) { self.other = other }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            other.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
    }
}
