import CountersignCrypto
import CountersignHummingbird
import CountersignTLS
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

struct PeerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

extension MutualTLSServerConfiguration {
    /// No bound that a machine busy with other tests could run into, but for those that `change` sets.
    static func patient(_ change: (inout MutualTLSServerConfiguration) -> Void = { _ in }) -> MutualTLSServerConfiguration {
        var configuration = MutualTLSServerConfiguration(
            handshakeTimeout: .seconds(300),
            headerTimeout: .seconds(300),
            bodyTimeout: .seconds(300),
            idleTimeout: .seconds(300)
        )
        change(&configuration)
        return configuration
    }
}

/// A running server on a port of the system's choice.
struct TestServer {
    let port: Int
    let refusals: Refusals
    let gate: Gate
    let overload: Overload

    /// What `onOverload` was told.
    final class Overload: Sendable {
        private let list = Mutex<[OverloadNotice]>([])

        func add(_ notice: OverloadNotice) {
            list.withLock { $0.append(notice) }
        }

        var refused: Int { list.withLock { $0.reduce(0) { $0 + $1.refused } } }
        var names: Set<String> { list.withLock { Set($0.map(\.mostRefused)) } }
    }

    /// What the server's log would hold.
    final class Refusals: Sendable {
        private let list = Mutex<[HandshakeRefusal]>([])

        func add(_ refusal: HandshakeRefusal) {
            list.withLock { $0.append(refusal) }
        }

        var codes: [String] { list.withLock { $0.map(\.code.rawValue) } }

        /// The codes, once there are as many. What the TLS library refuses, the server tells after the client was told.
        func codes(_ count: Int) async throws -> [String] {
            try await eventually("\(count) refusals, not \(codes)") { codes.count >= count }
            return codes
        }
        var descriptions: [String] { list.withLock { $0.map(\.description) } }
    }

    /// Runs a server for as long as `body` takes, then stops it and waits until it has stopped.
    ///
    /// Routes: `/peer` answers with the client's subject, `/stranger` with that of another channel, `/loop` whether the request
    /// runs on its connection's event loop, `POST /length` with the number of bytes received. `/left` tells the gate, and notes
    /// there who the client is when it has left. `/held` waits at the gate, `POST /read` tells the gate and then reads, `/large`
    /// tells the gate and answers with 32 MiB. `POST /immediate` and `POST /ample` are ``AtOnce``'s; where the application gets
    /// the first, it answers `application`.
    ///
    /// - Parameter eventLoops: `nil` for those that all tests share.
    static func run<Result: Sendable>(
        _ tls: ReloadableTLS,
        configuration: MutualTLSServerConfiguration = .patient(),
        eventLoops: Int? = nil,
        immediate: AtOnce = AtOnce(),
        _ body: @escaping @Sendable (TestServer) async throws -> Result
    ) async throws -> Result {
        let refusals = Refusals()
        var configuration = configuration
        configuration.onRefusal = { refusals.add($0) }
        let (gate, overload) = (Gate(), Overload())
        configuration.onOverload = { overload.add($0) }

        let router = Router(context: PeerContext.self)
        router.get("peer") { _, context in
            await context.channel.mutualTLSPeer()?.certificate.subject.description ?? "nobody"
        }
        // Asks of a channel that is not the request's, as of a server or client of the application's own.
        router.get("stranger") { _, _ in
            let other = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup).bind(host: "127.0.0.1", port: 0)
                .get()
            let peer = await other.mutualTLSPeer()
            try await other.close()
            return peer?.certificate.subject.description ?? "nobody"
        }
        router.get("left") { _, context in
            gate.arrive()
            try? await context.channel.closeFuture.get()
            gate.note(await context.channel.mutualTLSPeer()?.certificate.subject.description ?? "nobody")
            return ""
        }
        router.get("loop") { _, context in
            "\(context.channel.eventLoop.inEventLoop)"
        }
        router.post("length") { request, _ in
            "\(try await request.body.collect(upTo: 1 << 20).readableBytes)"
        }
        router.post("immediate") { _, _ in "application" }
        router.get("held") { _, _ in
            await gate.pass()
            return "held"
        }
        router.post("read") { request, _ in
            gate.arrive()
            return "\(try await request.body.collect(upTo: 1 << 20).readableBytes)"
        }
        router.get("large") { _, _ in
            gate.arrive()
            // In pieces, so that its end waits until the client has taken what comes before it.
            return Response(
                status: .ok,
                body: .init { writer in
                    for _ in 0..<512 { try await writer.write(ByteBuffer(repeating: 0x61, count: 64 << 10)) }
                    try await writer.finish(nil)
                })
        }
        let ownLoops = eventLoops.map { MultiThreadedEventLoopGroup(numberOfThreads: $0) }
        defer { ownLoops?.shutdownGracefully { _ in } }
        let (running, continuation) = AsyncStream<Int>.makeStream()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let application = Application(
            router: router,
            server: .mutualTLS(tls, configuration: configuration, immediate: immediate),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                continuation.yield(channel.localAddress?.port ?? 0)
                continuation.finish()
            },
            eventLoopGroupProvider: .shared(ownLoops ?? .singleton),
            logger: logger
        )
        let group = ServiceGroup(configuration: .init(services: [application], logger: logger))
        return try await withThrowingTaskGroup(of: Result?.self) { tasks in
            tasks.addTask {
                try await group.run()
                return nil
            }
            tasks.addTask {
                for await port in running {
                    let result = try await body(TestServer(port: port, refusals: refusals, gate: gate, overload: overload))
                    await group.triggerGracefulShutdown()
                    return result
                }
                return nil
            }
            var result: Result?
            do {
                for try await value in tasks {
                    result = value ?? result
                }
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            guard let result else { throw CancellationError() }
            return result
        }
    }

    /// `curl` as the given client.
    func curl(
        _ path: String,
        as client: (certificate: String, key: String)?,
        _ options: [String] = [],
        in files: ServerFiles
    ) async throws -> Command {
        var arguments = ["--disable", "--noproxy", "*", "--silent", "--show-error", "--max-time", "300"]
        arguments += ["--cacert", files.directory.path + "/ca.pem"]
        if let client { arguments += ["--cert", client.certificate, "--key", client.key] }
        arguments += options + ["https://127.0.0.1:\(port)\(path)"]
        return try await Command.run("curl", arguments, in: files.directory)
    }
}
