import NIOCore
import NIOPosix
import Synchronization

/// A bare TCP connection that sends exactly what it is told to.
final class RawConnection: Sendable {
    private let channel: any Channel
    private let collector = Collector()

    init(to port: Int) async throws {
        let collector = collector
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { $0.pipeline.addHandler(collector) }
            .connect(host: "127.0.0.1", port: port).get()
    }

    /// What the other side has sent so far.
    var received: String { collector.text.withLock { $0 } }

    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        let text = Mutex("")

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let new = String(buffer: unwrapInboundIn(data))
            text.withLock { $0 += new }
        }
    }

    deinit {
        channel.close(promise: nil)
    }

    /// Sends the bytes; an error of a connection that the other side has closed already is none of the test's.
    func send(_ bytes: [UInt8]) async {
        try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// Closes without a word.
    func close() async {
        try? await channel.close().get()
    }

    var isOpen: Bool { channel.isActive }

    /// Waits until the other side has closed it.
    func end(within limit: Duration = .seconds(30)) async throws {
        try await eventually("the end of the connection", within: limit) { !channel.isActive }
    }

    /// A port nobody listens on, at least for now.
    static func freePort() async throws -> Int { try await freePorts().0 }

    /// Two of them, held open together until both are known, or they might be the same.
    static func freePorts() async throws -> (Int, Int) {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        let (first, second) = (
            try await bootstrap.bind(host: "127.0.0.1", port: 0).get(),
            try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
        )
        let ports = (first.localAddress?.port, second.localAddress?.port)
        try await first.close().get()
        try await second.close().get()
        guard let one = ports.0, let other = ports.1 else { throw NotInTime(description: "no free port") }
        return (one, other)
    }
}
