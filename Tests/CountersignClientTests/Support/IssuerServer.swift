import CountersignClient
import CountersignHummingbird
import CountersignTesting
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// A server over mutual TLS that answers as the test says, on a port of the system's choice.
final class IssuerServer: Sendable {
    struct Answer: Sendable {
        var status = 200
        var headers: [(name: String, value: String)] = []
        var body: [UInt8] = []
        /// The second half of the body is sent when this is open.
        var gate: Gate?
    }

    struct Request: Sendable {
        let path: String
        let form: String
        let headers: HTTPFields
        let client: Certificate?
    }

    typealias Script = @Sendable (Request) async throws -> Answer

    private struct State {
        var port = 0
        var script: Script
        var requests: [Request] = []
    }

    private let state: Mutex<State>

    private init(script: @escaping Script) {
        state = Mutex(State(script: script))
    }

    var address: String { "https://127.0.0.1:\(state.withLock { $0.port })" }

    var port: Int { state.withLock { $0.port } }

    var requests: [Request] { state.withLock { $0.requests } }

    func answer(_ script: @escaping Script) {
        state.withLock { $0.script = script }
    }

    /// Runs a server for as long as `body` takes, then stops it and waits until it has stopped.
    ///
    /// - Parameters:
    ///   - authority: issued the server's certificate.
    ///   - clients: issued those of its clients; the same when not given.
    static func run<Value: Sendable>(
        _ authority: TestAuthority,
        as identity: TestIdentity? = nil,
        clients: TestAuthority? = nil,
        revoked: [Certificate] = [],
        script: @escaping Script,
        _ body: @escaping @Sendable (IssuerServer) async throws -> Value
    ) async throws -> Value {
        let directory = try TestDirectory()
        let clients = clients ?? authority
        let paths = try directory.write(identity ?? authority.issue("tokens"), as: "server")
        let files = TLSFiles(
            certificate: .file(paths.certificate),
            privateKey: .file(paths.key),
            ca: .file(try directory.write(clients.certificate.pem, to: "ca.pem")),
            crl: .file(try directory.write(try clients.revocationList(revoking: revoked).pem, to: "crl.pem"))
        )
        let server = IssuerServer(script: script)
        let (running, continuation) = AsyncStream<Int>.makeStream()
        let application = Application(
            router: server.router,
            server: .mutualTLS(try ReloadableTLS(files, role: .server, at: .now())),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                continuation.yield(channel.localAddress?.port ?? 0)
                continuation.finish()
            },
            logger: .silent
        )
        return try await withRunning([application]) {
            for await port in running { server.state.withLock { $0.port = port } }
            return try await body(server)
        }
    }

    private var router: Router<CallerContext> {
        let router = Router(context: CallerContext.self)
        for path in ["oauth2/token", ".well-known/jwks.json", ".well-known/countersign-status", "elsewhere"] {
            router.get(RouterPath(path)) { try await self.serve($0, $1) }
            router.post(RouterPath(path)) { try await self.serve($0, $1) }
        }
        return router
    }

    private func serve(_ request: Hummingbird.Request, _ context: CallerContext) async throws -> Response {
        let request = Request(
            path: request.uri.path,
            form: String(buffer: try await request.body.collect(upTo: 1 << 20)),
            headers: request.headers,
            client: await context.channel.mutualTLSPeer()?.certificate
        )
        let script = state.withLock { state in
            state.requests.append(request)
            return state.script
        }
        let answer = try await script(request)
        var headers = HTTPFields()
        for (name, value) in answer.headers {
            if let name = HTTPField.Name(name) { headers[name] = value }
        }
        let half = answer.body.count / 2
        let body = ResponseBody(contentLength: answer.gate == nil ? answer.body.count : nil) { writer in
            try await writer.write(ByteBuffer(bytes: answer.body[..<half]))
            try await answer.gate?.pass()
            try await writer.write(ByteBuffer(bytes: answer.body[half...]))
            try await writer.finish(nil)
        }
        return Response(status: .init(code: answer.status), headers: headers, body: body)
    }
}

/// Runs services for as long as `body` takes, then stops them and waits until they have stopped.
func withRunning<Value: Sendable>(
    _ services: [any Service],
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let group = ServiceGroup(configuration: .init(services: services, logger: .silent))
    return try await withThrowingTaskGroup(of: Value?.self) { tasks in
        tasks.addTask {
            try await group.run()
            return nil
        }
        tasks.addTask {
            do {
                let value = try await body()
                await group.triggerGracefulShutdown()
                return value
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
        }
        var value: Value?
        for try await outcome in tasks { value = outcome ?? value }
        guard let value else { throw CancellationError() }
        return value
    }
}

extension Logger {
    static var silent: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }
}
