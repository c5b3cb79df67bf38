import Countersign
import CountersignHummingbird
import CountersignTLS
import CountersignTesting
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOTLS

extension Workload {
    /// A Hummingbird "hello" over mutual TLS on kept-alive connections. The processor time is that of the server's one thread.
    static let middleware = [hello("hello without middleware", withMiddleware: false), hello("hello", withMiddleware: true)]

    private static func hello(_ name: String, withMiddleware: Bool) -> Workload {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        return Workload(
            name, clock: { try await group.next().submit { processorTime(CLOCK_THREAD_CPUTIME_ID) }.get() },
            {
                let scene = try HelloScene()
                let port = try await scene.serve(on: group, withMiddleware: withMiddleware)
                return { try await scene.ask($0, of: port) }
            }
        )
    }
}

private struct HelloScene: Sendable {
    private let folder: TestDirectory
    private let server: ReloadableTLS
    private let client: ReloadableTLS
    private let authenticator: Authenticator
    private let token: String

    /// Of the wall clock: the connections are real.
    init() throws {
        let authority = try TestAuthority(at: .now())
        let issuer = try TestIssuer()
        let caller = try authority.issue("user-svc")
        let folder = try TestDirectory()
        try folder.write(authority.certificate.pem, to: "ca.pem")
        func files(_ name: String, _ identity: TestIdentity) throws -> TLSFiles {
            try folder.write(identity, as: name)
            return TLSFiles(
                certificate: .file(folder.path("\(name)/cert.pem")), privateKey: .file(folder.path("\(name)/key.pem")),
                ca: .file(folder.path("ca.pem"))
            )
        }
        self.folder = folder
        server = try ReloadableTLS(files("search-svc", authority.issue("search-svc")), role: .server, at: .now())
        client = try ReloadableTLS(files("user-svc", caller), role: .client, at: .now())
        token = try issuer.token(for: caller, service: "user-svc", audience: "search-svc", roles: ["reader"], at: .now())
        authenticator = Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]), trust: .authorities(server),
            callers: CallerPolicy(rules: [.trustDomain("link.internal")]), keys: FixedKeySource(issuer.keys)
        )
    }

    /// Serves until the process ends.
    func serve(on group: any EventLoopGroup, withMiddleware: Bool) async throws -> Int {
        let router = Router(context: CallerContext.self)
        if withMiddleware { router.add(middleware: AuthenticationMiddleware(authenticator)) }
        router.get("/hello") { _, _ in "hello" }
        let ready = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "benchmark")
        logger.logLevel = .error
        let application = Application(
            router: router, server: .mutualTLS(server), configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { ready.continuation.yield($0.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(group), logger: logger
        )
        Task {
            try await application.run()
            ready.continuation.finish()
        }
        var ports = ready.stream.makeAsyncIterator()
        guard let port = await ports.next() else { throw Unexpected("the server does not start") }
        return port
    }

    /// Asks over eight connections at once.
    func ask(_ count: Int, of port: Int) async throws {
        let (connections, group) = (8, MultiThreadedEventLoopGroup.singleton)
        try await withThrowingTaskGroup { tasks in
            for _ in 0..<connections {
                let asker = Asker((count + connections - 1) / connections, token, group.next().makePromise())
                tasks.addTask {
                    let channel = try await ClientBootstrap(group: group).channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            let pipeline = channel.pipeline.syncOperations
                            try pipeline.addHandler(
                                NIOSSLClientHandler(context: client.current.context, serverHostname: "search-svc.link.internal"))
                            try pipeline.addHTTPClientHandlers()
                            try pipeline.addHandler(asker)
                        }
                    }.connect(host: "127.0.0.1", port: port).get()
                    try await asker.done.futureResult.get()
                    try await channel.closeFuture.get()
                }
            }
            try await tasks.waitForAll()
        }
    }
}

/// Asks again as soon as it has an answer, until it has had its share.
private final class Asker: ChannelInboundHandler, @unchecked Sendable {  // Changes on its event loop only.
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    let done: EventLoopPromise<Void>
    private let token: String
    private var left: Int

    init(_ count: Int, _ token: String, _ done: EventLoopPromise<Void>) {
        (left, self.token, self.done) = (count, token, done)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event { ask(context) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head) where head.status != .ok:
            done.fail(Unexpected("the server answers \(head.status)"))
            context.close(promise: nil)
        case .end: ask(context)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        done.fail(Unexpected("the server ends the connection"))
    }

    private func ask(_ context: ChannelHandlerContext) {
        guard left > 0 else {
            done.succeed()
            return context.close(promise: nil)
        }
        left -= 1
        let headers: HTTPHeaders = ["host": "localhost", "authorization": "Bearer \(token)"]
        context.write(
            wrapOutboundOut(.head(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/hello", headers: headers))),
            promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
