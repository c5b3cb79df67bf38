import CountersignCrypto
import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import CountersignIssuer

/// A folder with everything an issuer needs: certificates of a throw-away authority, a key ring, a configuration.
struct IssuerFolder: Sendable {
    let folder: TemporaryFolder
    let pki: TestPKI
    let now: Timestamp

    static let services = """
        services:
          - id: user-svc
            subject: CN=user-svc,O=Link Service
            audiences:
              search-svc: { roles: [reader], scopes: [search:read, search:write] }
          - id: search-svc
            subject: CN=search-svc,O=Link Service
        """

    /// - Parameter crl: Whether revocation is checked.
    init(crl: Bool = false) async throws {
        folder = try TemporaryFolder()
        now = .now()
        pki = try TestPKI(now: now)
        try folder.write(pki.certificate.pem, to: "ca.pem", mode: 0o644)
        try folder.write(pki.serviceKey, to: "issuer-key.pem")
        try writeIssuerCertificate()
        for name in ["user-svc", "search-svc", "stranger"] {
            try writeClient(name, try pki.certificate(subject(name)))
        }
        if crl {
            try folder.write(try pki.revocationList([], number: 1).pem, to: "crl.pem", mode: 0o644)
        }
        try FileManager.default.copyItem(atPath: try await Self.keys.value.path("keys"), toPath: folder.path("keys"))
        try writeConfiguration(crl: crl)
    }

    /// One ring for all tests, each of which gets a copy: making a key takes long.
    private static let keys = Task {
        let folder = try TemporaryFolder()
        _ = try await FileKeyRingStore(directory: folder.path("keys")).initialise(bitCount: 2048, at: .now())
        return folder
    }

    func writeIssuerCertificate(
        names: [SubjectAlternativeName] = [.dns("localhost"), .ip([127, 0, 0, 1])], until notAfter: Timestamp? = nil
    ) throws {
        let certificate = try pki.certificate(subject("issuer"), names, purposes: [.server], until: notAfter)
        try folder.write(certificate.pem, to: "issuer.pem", mode: 0o644)
    }

    func writeClient(_ name: String, _ certificate: Certificate) throws {
        try folder.write(certificate.pem, to: "\(name).pem", mode: 0o644)
        try folder.write(pki.serviceKey, to: "\(name)-key.pem")
    }

    func writeConfiguration(
        issuer: String = "https://localhost:8443", listen: String = "127.0.0.1:0", crl: Bool = false, services: String = services
    ) throws {
        try folder.write(
            """
            issuer: \(issuer)
            listen: \(listen)
            operations: 127.0.0.1:0
            tls:
              certificate: issuer.pem
              privateKey: issuer-key.pem
              clientCA: ca.pem
            \(crl ? "  crl: crl.pem" : "")
            keys:
              directory: keys
            \(services)
            """,
            to: "countersign.yaml", mode: 0o644
        )
    }

    var configuration: IssuerConfiguration {
        get throws {
            try IssuerConfiguration.load(contentsOf: folder.path("countersign.yaml"))
        }
    }
}

/// An issuer that listens, with its log.
struct RunningIssuer: Sendable {
    let files: IssuerFolder
    let port: Int
    let operationsPort: Int
    let log: CollectedLog
    let clock: TestClock

    /// Runs an issuer for the time of `body` and stops it gracefully.
    static func run<Result: Sendable>(
        _ files: IssuerFolder, elapsed: @escaping @Sendable () -> Duration = MonotonicTime.elapsed,
        _ body: @escaping @Sendable (RunningIssuer) async throws -> Result
    ) async throws -> Result {
        let log = CollectedLog()
        let clock = TestClock()
        let ports = AsyncStream.makeStream(of: (IssuerService.Endpoint, Int).self)
        var options = IssuerService.Options()
        options.pollInterval = .milliseconds(20)
        options.clock = { clock.now }
        options.elapsed = elapsed
        options.onListening = { endpoint, address in
            ports.continuation.yield((endpoint, address.port))
        }
        let issuer = try await IssuerService(try files.configuration, logger: log.logger, options: options)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: issuer)], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { ports.continuation.finish() }
                try await group.run()
            }
            var bound: [IssuerService.Endpoint: Int] = [:]
            for await (endpoint, port) in ports.stream {
                bound[endpoint] = port
                if bound.count == 2 {
                    break
                }
            }
            guard let port = bound[.tokens], let operationsPort = bound[.operations] else {
                try await tasks.waitForAll()
                throw CancellationError()
            }
            let running = RunningIssuer(files: files, port: port, operationsPort: operationsPort, log: log, clock: clock)
            let result: Swift.Result<Result, any Error>
            do {
                result = .success(try await body(running))
            } catch {
                result = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return try result.get()
        }
    }

    /// Asks with `curl`, as the client `name`.
    func ask(_ path: String, as name: String? = "user-svc", _ arguments: String...) async throws -> CurlAnswer {
        var all = ["--cacert", files.folder.path("ca.pem")]
        if let name {
            all += ["--cert", files.folder.path("\(name).pem"), "--key", files.folder.path("\(name)-key.pem")]
        }
        return try await Curl.run(all + arguments + ["https://localhost:\(port)\(path)"])
    }

    /// Asks for a token with a form.
    func token(_ form: String, as name: String = "user-svc", _ arguments: String...) async throws -> CurlAnswer {
        let all = [
            "--cacert", files.folder.path("ca.pem"), "--cert", files.folder.path("\(name).pem"), "--key",
            files.folder.path("\(name)-key.pem"), "--data-binary", form,
        ]
        return try await Curl.run(all + arguments + ["https://localhost:\(port)/oauth2/token"])
    }

    static let goodForm = "grant_type=client_credentials&audience=search-svc"
}

/// The system's time, moved on by hand.
final class TestClock: Sendable {
    private let offset = Mutex<Int64>(0)

    var now: Timestamp {
        Timestamp.now().adding(seconds: offset.withLock { $0 })
    }

    func advance(seconds: Int64) {
        offset.withLock { $0 += seconds }
    }
}

/// The log lines of an issuer as they would be written.
final class CollectedLog: Sendable {
    private let text = Mutex("")

    var logger: Logger {
        let sink = LogSink { [self] text in
            self.text.withLock { $0 += text }
        }
        return Logger(label: "countersign") { _ in LineLogHandler(sink: sink) }
    }

    var all: String {
        text.withLock { $0 }
    }

    /// Waits until a line holds all the words, and gives that line.
    func line(with words: String...) async throws -> String {
        let deadline = ContinuousClock.now.advanced(by: .seconds(20))
        while ContinuousClock.now < deadline {
            let lines = all.split(separator: "\n")
            if let line = lines.last(where: { line in words.allSatisfy { line.contains($0) } }) {
                return String(line)
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("no log line with \(words) in:\n\(all)")
        throw CancellationError()
    }
}
