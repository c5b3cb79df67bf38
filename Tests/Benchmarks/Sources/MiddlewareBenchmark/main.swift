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

// What the middleware costs a Hummingbird "hello" over mutual TLS on kept-alive connections: processor time of the server's one
// thread per request, without the middleware and with it, in turns in one run.
//
//     swift run -c release --package-path Tests/Benchmarks MiddlewareBenchmark

let requestsPerRun = 20_000
let connections = 8

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
let server = try ReloadableTLS(files("search-svc", authority.issue("search-svc")), role: .server, at: .now())
let client = try ReloadableTLS(files("user-svc", caller), role: .client, at: .now())
let token = try issuer.token(for: caller, service: "user-svc", audience: "search-svc", roles: ["reader"], at: .now())
let authenticator = Authenticator(
    expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]), trust: .authorities(server),
    callers: CallerPolicy(rules: [.trustDomain("link.internal")]), keys: FixedKeySource(issuer.keys)
)

/// One server on one thread.
struct Running {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let port: Int

    init(withMiddleware: Bool) async throws {
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
        Task { try await application.run() }
        var ports = ready.stream.makeAsyncIterator()
        port = await ports.next() ?? 0
    }

    /// Seconds of processor time that the server's thread has used.
    func processorTime() async throws -> Double {
        try await group.next().submit {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }.get()
    }
}

/// Asks again as soon as it has an answer, until it has had its share.
final class Asker: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private var left: Int

    init(_ count: Int) { left = count }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event { ask(context) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head) where head.status != .ok: fatalError("the server answers \(head.status)")
        case .end: ask(context)
        default: break
        }
    }

    private func ask(_ context: ChannelHandlerContext) {
        guard left > 0 else { return context.close(promise: nil) }
        left -= 1
        let headers: HTTPHeaders = ["host": "localhost", "authorization": "Bearer \(token)"]
        context.write(
            wrapOutboundOut(.head(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/hello", headers: headers))),
            promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}

func load(_ port: Int) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let channels = try await withThrowingTaskGroup(of: (any Channel).self) { tasks in
        for _ in 0..<connections {
            tasks.addTask {
                try await ClientBootstrap(group: group).channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHandler(
                            NIOSSLClientHandler(context: client.current.context, serverHostname: "search-svc.link.internal"))
                        try pipeline.addHTTPClientHandlers()
                        try pipeline.addHandler(Asker(requestsPerRun / connections))
                    }
                }.connect(host: "127.0.0.1", port: port).get()
            }
        }
        return try await tasks.reduce(into: []) { $0.append($1) }
    }
    for channel in channels { try await channel.closeFuture.get() }
}

func perRequest(_ server: Running) async throws -> Double {
    let before = try await server.processorTime()
    try await load(server.port)
    return (try await server.processorTime() - before) / Double(requestsPerRun) * 1e6
}

let (plain, guarded) = (try await Running(withMiddleware: false), try await Running(withMiddleware: true))
_ = try await (perRequest(plain), perRequest(guarded))
var ratios: [Double] = []
for _ in 0..<7 {
    let (without, with) = (try await perRequest(plain), try await perRequest(guarded))
    ratios.append(without / with)
    print(String(format: "microseconds of processor per request: without %.1f  with %.1f", without, with))
}
print("median ratio of the rates, with to without: \((ratios.sorted()[ratios.count / 2] * 1000).rounded() / 1000)")
exit(0)
