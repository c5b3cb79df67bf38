import AsyncHTTPClient
import CountersignClient
import CountersignTLS
import CountersignTesting
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization
import Testing

/// A caller's certificate is replaced again and again while it calls a receiver.
@Suite(.serialized) struct CertificateRenewalTests {
    private static let renewals = ProofSize.of(5, long: 20)

    @Test(.timeLimit(.minutes(8))) func noRequestIsRefused() async throws {
        let folder = try IssuerFolder()
        let (issuerPort, receiverPort) = try await RawConnection.freePorts()
        let issuerAddress = "https://127.0.0.1:\(issuerPort)"
        // The folder's issuer names itself otherwise; here its name is where it is.
        let configuration = try folder.configuration(
            "renewal", replacing: ("listen: 127.0.0.1:0", "listen: 127.0.0.1:\(issuerPort)"),
            ("issuer: https://issuer.link.internal:8443", "issuer: \(issuerAddress)")
        )
        let issuer = try await RunningIssuer.start(folder, configuration: configuration)
        let tls = try ReloadableTLS(folder.tlsFiles(of: "user-svc"), role: .client, at: .now())
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let client = try IssuerClient(
            [issuerAddress], tls: tls, configuration: .init(watchInterval: .milliseconds(50)), logger: logger)
        let tokens = TokenSource(client)
        let origin = "https://127.0.0.1:\(receiverPort)"
        let service = ServiceClient(tokens, tls: tls, audiences: try AudienceMap([origin: "search-svc"]))
        let answers = Answers()

        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            var files = folder.tlsFiles(of: "search-svc")
            files.crl = .file(folder.files.path("certs/crl.pem"))
            let receiver = ReceiverSettings(
                issuer: issuerAddress, files: files, address: .hostname("127.0.0.1", port: receiverPort))
            group.addTask { try await runReceiver(receiver) }
            group.addTask { try await client.run() }
            group.addTask { try await tokens.run() }
            try await eventually("the receiver answers", within: .seconds(60)) {
                (try? await service.execute(HTTPClientRequest(url: "\(origin)/search"), timeout: .seconds(10)).status) == .ok
            }
            for _ in 0..<4 {
                group.addTask {
                    while !Task.isCancelled {
                        let outcome: String
                        do {
                            let answer = try await service.execute(
                                HTTPClientRequest(url: "\(origin)/search"), timeout: .seconds(30))
                            _ = try await answer.body.collect(upTo: 1024)
                            outcome = "\(answer.status.code)"
                        } catch {
                            if Task.isCancelled { return }
                            outcome = "\(error)"
                        }
                        answers.note(outcome)
                    }
                }
            }
            for _ in 0..<Self.renewals {
                let calls = answers.counts["200", default: 0]
                let renewed = try folder.authority.issue("user-svc")
                // One file after the other, as most tools do it: for a moment they do not belong together.
                try folder.files.write(renewed, as: "certs/user-svc")
                try await eventually("the new certificate is in use, and calls go on with it", within: .seconds(60)) {
                    client.certificate == renewed.certificate
                        && tokens.cachedToken(for: "search-svc")?.certificateSHA256 == renewed.certificate.sha256
                        && answers.counts["200", default: 0] >= calls + 20
                }
            }
        }
        let counts = answers.counts
        #expect(counts.keys.sorted() == ["200"], "\(counts)")
        ProofSize.state("\(Self.renewals) renewals under traffic: \(counts)")
        #expect(try await issuer.stop() == 0)
    }

    /// How often each outcome came.
    private final class Answers: Sendable {
        private let state = Mutex<[String: Int]>([:])

        var counts: [String: Int] { state.withLock { $0 } }

        func note(_ outcome: String) { state.withLock { $0[outcome, default: 0] += 1 } }
    }
}
