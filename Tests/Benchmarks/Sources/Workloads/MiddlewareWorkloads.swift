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
    static let middleware = [
        hello("hello", .nothing), hello("hello through an empty middleware", .emptyMiddleware),
        hello("hello through the middleware", .middleware),
    ]

    private static func hello(_ name: String, _ guarding: HelloScene.Guard) -> Workload {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        return Workload(
            name, clock: { try await group.next().submit { processorTime(CLOCK_THREAD_CPUTIME_ID) }.get() },
            {
                let scene = try HelloScene()
                let port = try await scene.serve(on: group, guarding)
                let connections = try await scene.connect(to: port)
                return { try await connections.ask($0) }
            }
        )
    }
}

private struct HelloScene: Sendable {
    /// What stands before the route.
    enum Guard {
        case nothing, emptyMiddleware, middleware
    }

    /// What Hummingbird asks for any middleware, whatever it does.
    struct EmptyMiddleware: RouterMiddleware {
        func handle(
            _ request: Request, context: CallerContext, next: (Request, CallerContext) async throws -> Response
        ) async throws -> Response {
            try await next(request, context)
        }
    }

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
    func serve(on group: any EventLoopGroup, _ guarding: Guard) async throws -> Int {
        let router = Router(context: CallerContext.self)
        switch guarding {
        case .emptyMiddleware: router.add(middleware: EmptyMiddleware())
        case .middleware: router.add(middleware: AuthenticationMiddleware(authenticator))
        case .nothing: break
        }
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

    /// Opens eight connections. What a connection costs, and a token that is new on it, is no part of what is measured.
    func connect(to port: Int) async throws -> HelloConnections {
        var connections: [(any Channel, Asker)] = []
        for _ in 0..<8 {
            let asker = Asker(token)
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        NIOSSLClientHandler(context: client.current.context, serverHostname: "search-svc.link.internal"))
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(asker)
                }
            }.connect(host: "127.0.0.1", port: port).get()
            connections.append((channel, asker))
        }
        let all = HelloConnections(connections: connections)
        try await all.ask(connections.count)
        return all
    }
}

/// Connections that stay open for as long as the process lives.
private struct HelloConnections: Sendable {
    let connections: [(channel: any Channel, asker: Asker)]

    /// Asks so often, over all of them at once.
    func ask(_ count: Int) async throws {
        let share = (count + connections.count - 1) / connections.count
        let done = connections.map { channel, asker in
            let done = channel.eventLoop.makePromise(of: Void.self)
            channel.eventLoop.execute { asker.begin(share, done) }
            return done.futureResult
        }
        for done in done { try await done.get() }
    }
}

/// Asks again as soon as it has an answer, until it has had its share.
private final class Asker: ChannelInboundHandler, @unchecked Sendable {  // Changes on its event loop only.
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let head: HTTPRequestHead
    private var context: ChannelHandlerContext?
    private var left = 0
    private var done: EventLoopPromise<Void>?

    init(_ token: String) {
        head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: "/hello", headers: ["host": "localhost", "authorization": "Bearer \(token)"])
    }

    func begin(_ count: Int, _ done: EventLoopPromise<Void>) {
        (left, self.done) = (count, done)
        ask()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head) where head.status != .ok:
            fail(Unexpected("the server answers \(head.status)"))
            context.close(promise: nil)
        case .end: ask()
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(Unexpected("the server ends the connection"))
        self.context = nil
    }

    private func ask() {
        guard let context else { return fail(Unexpected("the connection has ended")) }
        guard left > 0 else {
            done?.succeed()
            done = nil
            return
        }
        left -= 1
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func fail(_ error: Unexpected) {
        done?.fail(error)
        done = nil
    }
}
