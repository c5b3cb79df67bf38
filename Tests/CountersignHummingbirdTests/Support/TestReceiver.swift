import Countersign
import CountersignHummingbird
import CountersignTLS
import CountersignTesting
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import Testing

/// A receiver with the middleware, over real connections, with a clock that goes only when a route moves it.
struct TestReceiver {
    let authority: TestAuthority
    let issuer: TestIssuer
    let files: TestDirectory
    let tls: ReloadableTLS
    let clock: Clock
    private let start = Timestamp.now()

    final class Clock: Sendable {
        private let moment = Mutex(Timestamp.now())
        @Sendable func now() -> Timestamp { moment.withLock { $0 } }
        func advance(seconds: Int64) { moment.withLock { $0 = $0.adding(seconds: seconds) } }
    }

    init() throws {
        authority = try TestAuthority(at: start)
        issuer = try TestIssuer()
        files = try TestDirectory()
        let paths = try files.write(authority.issue("search-svc"), as: "server")
        tls = try ReloadableTLS(
            TLSFiles(
                certificate: .file(paths.certificate), privateKey: .file(paths.key),
                ca: .file(try files.write(authority.certificate.pem, to: "ca.pem")),
                crl: .file(try files.write(try authority.revocationList().pem, to: "crl.pem"))
            ),
            role: .server, at: start
        )
        clock = Clock()
    }

    func token(
        for identity: TestIdentity, audience: String = "search-svc", roles: [String] = ["reader"], lifetime: Int64 = 300
    ) throws -> String {
        try issuer.token(
            issuer.claims(
                for: identity, service: "user-svc", audience: audience, roles: roles, scope: ["search:read"], at: start,
                lifetime: lifetime)
        )
    }

    func authenticator(audience: String = "search-svc", keys: (any KeySource)? = nil) -> Authenticator {
        Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: [audience]), trust: .authorities(tls),
            callers: CallerPolicy(rules: [.trustDomain("link.internal")]), keys: keys ?? FixedKeySource(issuer.keys)
        )
    }

    /// Routes: `/whoami`; `/write` for the role `writer`; `/index` for the scope `search:write`; `/later/SECONDS`, after which it is
    /// that much later; `/revoke`, after which the caller's certificate is revoked; `/billing/whoami` for another audience.
    func run<Value: Sendable>(
        keys: (any KeySource)? = nil, revoking: TestIdentity? = nil,
        _ body: @escaping @Sendable (Int) async throws -> Value
    ) async throws -> Value {
        let router = Router(context: CallerContext.self)
        let clock = clock
        router.group("/billing")
            .add(middleware: AuthenticationMiddleware(authenticator(audience: "billing-svc"), clock: clock.now))
            .get("whoami") { _, context in try context.requireCaller().service }
        let routes = router.group()
            .add(middleware: AuthenticationMiddleware(authenticator(keys: keys), clock: clock.now))
        routes.get("whoami") { _, context in try context.requireCaller().service }
        routes.get("later/:seconds") { _, context in
            clock.advance(seconds: try context.parameters.require("seconds", as: Int64.self))
            return "later"
        }
        routes.get("revoke") { _, _ in
            if let revoking {
                let list = try self.authority.revocationList(revoking: [revoking.certificate], number: 2)
                try self.files.write(list.pem, to: "crl.pem")
                _ = try self.tls.reload(at: .now())
            }
            return "revoked"
        }
        routes.group("write").add(middleware: RequirementMiddleware(.role("writer"), realm: "search-svc")).get { _, _ in "w" }
        routes.group("index").add(middleware: RequirementMiddleware(.scope("search:write"), realm: "search-svc")).get { _, _ in
            "i"
        }
        let (running, continuation) = AsyncStream<Int>.makeStream()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let application = Application(
            router: router, server: .mutualTLS(tls, configuration: .patient()),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                continuation.yield(channel.localAddress?.port ?? 0)
                continuation.finish()
            },
            logger: logger
        )
        let group = ServiceGroup(configuration: .init(services: [application], logger: logger))
        return try await withThrowingTaskGroup(of: Value?.self) { tasks in
            tasks.addTask {
                try await group.run()
                return nil
            }
            tasks.addTask {
                do {
                    var port = 0
                    for await value in running { port = value }
                    let value = try await body(port)
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

    /// What `curl` got for one path.
    struct Answer: Equatable {
        let body: String
        let status: String
        /// Connections that had to be opened for it.
        let connects: String
        let version: String
        let retryAfter: String
        let challenge: String
    }

    /// Asks for the paths one after the other, over one connection.
    func curl(
        _ paths: [String], _ port: Int, as identity: TestIdentity, token: String?, _ options: [String]
    ) throws -> [Answer] {
        let client = try files.write(identity, as: "client-\(identity.certificate.serialHex)")
        let form = "%{stderr}%{http_code}\t%{num_connects}\t%{http_version}\n"
        let authorization = token.map { ["--header", "Authorization: Bearer \($0)"] } ?? []
        let outputs = (0..<paths.count).map { files.path("body\($0)") }
        let result = try Shell.run(
            "curl",
            ["--disable", "--noproxy", "*", "--silent", "--max-time", "120", "--cacert", files.path("ca.pem")]
                + ["--write-out", form, "--dump-header", files.path("headers")]
                + ["--cert", client.certificate, "--key", client.key] + authorization + options
                + zip(paths, outputs).flatMap { ["https://127.0.0.1:\(port)\($0)", "--output", $1] }
        )
        let lines = result.standardError.split(separator: "\n", omittingEmptySubsequences: false)
        var headers = Self.headers(String(decoding: (try? files.read("headers")) ?? [], as: UTF8.self))[...]
        return try zip(lines, 0...).map { line, index in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            try #require(fields.count == 3, "\(result)")
            let header = fields[0] == "000" ? [:] : headers.popFirst() ?? [:]
            return Answer(
                body: String(decoding: (try? files.read("body\(index)")) ?? [], as: UTF8.self), status: fields[0],
                connects: fields[1], version: fields[2], retryAfter: header["retry-after"] ?? "",
                challenge: header["www-authenticate"] ?? "")
        }
    }

    /// The header of each answer, with names in lower case, as `curl` dumps one after the other. It can name single fields of it
    /// only since 7.84.
    private static func headers(_ dump: String) -> [[String: String]] {
        dump.split(separator: "\r\n\r\n").map { header in
            let fields = header.split(separator: "\r\n").dropFirst().compactMap { line -> (String, String)? in
                let parts = line.split(separator: ":", maxSplits: 1)
                guard let name = parts.first, let value = parts.dropFirst().first else { return nil }
                return (name.lowercased(), value.trimmingPrefix(" ").description)
            }
            return Dictionary(fields) { $1 }
        }
    }

    /// What `openssl s_client` saw of one request on a connection of its own.
    func openssl(
        _ path: String, _ port: Int, as identity: TestIdentity, token: String, _ options: [String]
    ) throws -> String {
        let client = try files.write(identity, as: "client-\(identity.certificate.serialHex)")
        let request = """
            GET \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\nConnection: close\r\n\r\n
            """
        return try Shell.run(
            "timeout",
            [
                "60", "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-ign_eof", "-CAfile", files.path("ca.pem"),
                "-cert", client.certificate, "-key", client.key,
            ] + options,
            input: Array(request.utf8)
        ).standardOutput
    }
}
