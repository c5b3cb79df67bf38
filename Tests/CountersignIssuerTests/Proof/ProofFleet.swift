import Countersign
import CountersignClient
import CountersignCrypto
import CountersignTLS
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

@testable import CountersignIssuer

/// Issuers on one key directory, with receivers and callers that reach them over mutual TLS.
struct ProofFleet: Sendable {
    let folder: IssuerFolder
    let clock: FastClock
    let addresses: [String]
    let log: CollectedLog

    /// Runs issuers for as long as `body` takes.
    static func run<Value: Sendable>(
        issuers count: Int, speed: Int64, keys: String, _ body: @escaping @Sendable (ProofFleet) async throws -> Value
    ) async throws -> Value {
        let folder = try await IssuerFolder()
        // In minutes of the machine this clock outruns the hour for which certificates are valid otherwise.
        let end = folder.now.adding(seconds: 86_000)
        try folder.writeIssuerCertificate(until: end)
        for name in ["user-svc", "search-svc"] {
            try folder.writeClient(name, try folder.pki.certificate(subject(name), until: end))
        }
        try folder.folder.write(
            """
            issuer: https://localhost:8443
            listen: 127.0.0.1:0
            tls:
              certificate: issuer.pem
              privateKey: issuer-key.pem
              clientCA: ca.pem
            keys: { directory: keys, \(keys) }
            tokens: { lifetime: 60s, maxLifetime: 60s }
            \(IssuerFolder.services)
            """,
            to: "countersign.yaml", mode: 0o644
        )
        let clock = FastClock(speed: speed)
        let log = CollectedLog()
        let ports = AsyncStream.makeStream(of: Int.self)
        var services: [IssuerService] = []
        for _ in 0..<count {
            var options = IssuerService.Options()
            options.pollInterval = .milliseconds(20)
            options.clock = { clock.now }
            options.elapsed = { clock.elapsed }
            options.onListening = { endpoint, address in
                if endpoint == .tokens { ports.continuation.yield(address.port) }
            }
            services.append(try await IssuerService(try folder.configuration, logger: log.logger, options: options))
        }
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let group = ServiceGroup(configuration: .init(services: services.map { .init(service: $0) }, logger: quiet))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                // An issuer that does not start must not be waited for.
                defer { ports.continuation.finish() }
                try await group.run()
            }
            var addresses: [String] = []
            for await port in ports.stream {
                addresses.append("https://localhost:\(port)")
                if addresses.count == count { break }
            }
            guard addresses.count == count else {
                try await tasks.waitForAll()
                throw CancellationError()
            }
            let fleet = ProofFleet(folder: folder, clock: clock, addresses: addresses, log: log)
            let result: Result<Value, any Error>
            do {
                result = .success(try await body(fleet))
            } catch {
                result = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return try result.get()
        }
    }

    var store: FileKeyRingStore { FileKeyRingStore(directory: folder.folder.path("keys")) }

    func files(of name: String) -> TLSFiles {
        TLSFiles(
            certificate: .file(folder.folder.path("\(name).pem")), privateKey: .file(folder.folder.path("\(name)-key.pem")),
            ca: .file(folder.folder.path("ca.pem"))
        )
    }

    /// The way to the issuers, beginning with the one of this index.
    func client(_ name: String, first: Int, instance: String, through line: ProofLine = ProofLine()) throws -> IssuerClient {
        let material = try TLSMaterial(files(of: name), role: .client, at: .now())
        let transport = LineTransport(MutualTLSTransport { material }, line)
        let order = addresses.indices.map { addresses[($0 + first) % addresses.count] }
        // Timeouts are by the fast clock; the machine is not faster for it.
        return try IssuerClient(
            order, transport: transport, configuration: .init(requestTimeout: .seconds(20 * clock.speed), instance: instance),
            time: clock.time, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}

/// What lies between a receiver and the issuers: slow, or cut.
final class ProofLine: Sendable {
    private let state: Mutex<(delay: Duration, isCut: Bool)>

    init(delay: Duration = .zero) {
        state = Mutex((delay, false))
    }

    func cut() { state.withLock { $0.isCut = true } }

    fileprivate var current: (delay: Duration, isCut: Bool) { state.withLock { $0 } }
}

private struct LineTransport: IssuerTransport {
    let transport: MutualTLSTransport
    let line: ProofLine

    init(_ transport: MutualTLSTransport, _ line: ProofLine) {
        self.transport = transport
        self.line = line
    }

    var certificate: Certificate { transport.certificate }

    func send(_ request: IssuerRequest) async throws(TokenError) -> IssuerAnswer {
        let (delay, isCut) = line.current
        if isCut { throw TokenError(.unreachable, "the line is cut") }
        do { try await Task.sleep(for: delay) } catch { throw TokenError(.cancelled, "cancelled") }
        let answer = try await transport.send(request)
        // Nothing comes through that was on its way, either.
        if line.current.isCut { throw TokenError(.unreachable, "the line is cut") }
        return answer
    }
}

/// A receiving service: decides about requests by keys and status that it fetches itself. Can be restarted.
final class ProofReceiver: Sendable {
    private struct Running: Sendable {
        let authenticator: Authenticator
        let keys: RemoteKeySource
        let status: RemoteStatusSource
    }

    private let fleet: ProofFleet
    private let make: @Sendable () throws -> Running
    private let running: Mutex<Running>

    init(_ fleet: ProofFleet, _ name: String, first: Int, line: ProofLine = ProofLine()) throws {
        let authority = try PathValidator(anchors: [fleet.folder.pki.certificate], revocationLists: nil)
        let speed = fleet.clock.speed
        make = {
            let client = try fleet.client("search-svc", first: first, instance: name, through: line)
            let keys = RemoteKeySource(
                client,
                configuration: .init(
                    unknownKeyCooldown: .seconds(1), unknownKeyPatience: .seconds(20 * speed), fetchTimeout: .seconds(20 * speed)
                )
            )
            let status = RemoteStatusSource(
                client, keys: keys, expecting: "https://localhost:8443", configuration: .init(fetchTimeout: .seconds(20 * speed))
            )
            return Running(
                authenticator: Authenticator(
                    expecting: Expectations(issuer: "https://localhost:8443", audiences: ["search-svc"]),
                    trust: .authorities(authority), callers: CallerPolicy(rules: [.dnsNameOrSubject]), keys: keys,
                    revocations: status
                ),
                keys: keys, status: status
            )
        }
        self.fleet = fleet
        running = Mutex(try make())
    }

    /// Keeps keys and status fresh until it is cancelled; begins anew with nothing in hand whenever `restarts` says so.
    func run(restarting pause: Duration? = nil) async throws {
        while !Task.isCancelled {
            let current = running.withLock { $0 }
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try? await current.keys.run() }
                tasks.addTask { try? await current.status.run() }
                guard let pause else { return }
                try? await Task.sleep(for: pause)
                tasks.cancelAll()
            }
            guard pause != nil, !Task.isCancelled else { return }
            // The new process takes requests when it is ready, and the old one until then.
            let next = try make()
            try await next.keys.waitUntilReady()
            try await next.status.waitUntilReady()
            running.withLock { $0 = next }
        }
    }

    func waitUntilReady() async throws {
        let current = running.withLock { $0 }
        try await current.keys.waitUntilReady()
        try await current.status.waitUntilReady()
    }

    /// The verdict on a token that comes on a connection of the caller.
    func refusal(of token: String, from peer: Peer, at now: Timestamp) async -> Refusal? {
        let authenticator = running.withLock { $0.authenticator }
        let verdict = await authenticator.authenticate(peer: peer, authorization: ["Bearer \(token)"], at: now)
        if case .refused(let refusal) = verdict { return refusal }
        return nil
    }
}

extension CallerRule {
    /// The callers of the fleet.
    fileprivate static var dnsNameOrSubject: CallerRule {
        .subject(CountersignIssuerTests.subject("user-svc"), service: "user-svc")
    }
}
