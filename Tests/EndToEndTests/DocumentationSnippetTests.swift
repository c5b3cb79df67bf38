import AsyncHTTPClient
import CountersignClient
import CountersignTLS
import CountersignTesting
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Testing

/// The programs that the documentation shows, run against a real issuer.
@Suite struct DocumentationSnippetTests {
    @Test(.timeLimit(.minutes(2))) func theReceiverOfTheReadmeAdmitsTheCallerOfTheGuideAndNoThief() async throws {
        let folder = try TestDirectory()
        let ports = try DocumentationScript.freePorts(3)
        let (issuer, receiver) = ("https://localhost:\(ports[0])", "https://localhost:\(ports[2])/search")
        try prepare(folder, issuer: issuer, ports)

        let issuerLife = try startIssuer(in: folder)
        defer { try? issuerLife.close() }
        try waitUntilReady("http://127.0.0.1:\(ports[1])/readyz")

        let port = try #require(Int(ports[2]))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await runReceiver(
                    ReceiverSettings(
                        issuer: issuer, files: self.files(of: "search-svc", in: folder),
                        address: .hostname("127.0.0.1", port: port)
                    )
                )
            }
            let client = try SearchClient(
                CallerSettings(
                    issuers: [issuer], files: files(of: "user-svc", in: folder),
                    audiences: AudienceMap([receiver: "search-svc"])
                ))
            #expect(try await firstAnswer { try await client.call(receiver) } == "hello user-svc\n")
            #expect(try await firstAnswer { try await client.callWithoutHelp(receiver) } == "hello user-svc\n")
            let (answer, body) = try await client.search("localhost:\(ports[2])")
            #expect(answer.status == .ok)
            #expect(String(buffer: body) == "hello user-svc\n")

            let token = try await client.tokens.token(for: "search-svc").value
            #expect(try status(receiver, from: "user-svc", token: token, in: folder) == "200")
            #expect(try status(receiver, from: "thief-svc", token: token, in: folder) == "401")
            #expect(try status(receiver, from: "user-svc", token: nil, in: folder) == "401")
            group.cancelAll()
            // It ends because it was cancelled.
            _ = await group.nextResult()
        }
    }

    private func prepare(_ folder: TestDirectory, issuer: String, _ ports: [String]) throws {
        try run(["pki", "init", "--dir", "certs", "--trust-domain", "link.internal"], in: folder)
        for service in ["issuer", "search-svc", "user-svc", "thief-svc"] {
            try run(["pki", "issue", service, "--dir", "certs", "--dns", "localhost"], in: folder)
        }
        try run(["keys", "init", "--keys", "keys"], in: folder)
        let configuration = """
            issuer: \(issuer)
            listen: 127.0.0.1:\(ports[0])
            operations: 127.0.0.1:\(ports[1])
            tls:
              certificate: certs/issuer/cert.pem
              privateKey: certs/issuer/key.pem
              clientCA: certs/ca.pem
              crl: certs/crl.pem
            keys: { directory: keys }
            services:
              - { id: user-svc, spiffeID: "spiffe://link.internal/service/user-svc", audiences: { search-svc: {} } }
            """
        try folder.write(configuration, to: "countersign.yaml")
    }

    private func files(of service: String, in folder: TestDirectory) -> TLSFiles {
        TLSFiles(
            certificate: .file(folder.path("certs/\(service)/cert.pem")),
            privateKey: .file(folder.path("certs/\(service)/key.pem")),
            ca: .file(folder.path("certs/ca.pem")), crl: .file(folder.path("certs/crl.pem"))
        )
    }

    private static let countersign = "\(DocumentationScript.builtProducts)/countersign"

    private func run(_ arguments: [String], in folder: TestDirectory) throws {
        let result = try Shell.run(Self.countersign, arguments, directory: folder.path)
        try #require(result.succeeded, "\(arguments): \(result.standardError)")
    }

    /// In the background, until the handle is closed, by whatever becomes of this process: a shell waits for the end of its
    /// input and then stops the issuer. A signal from here might not do, because children of this process may block it.
    private func startIssuer(in folder: TestDirectory) throws -> FileHandle {
        let (process, input) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["bash", "-c", "\"$0\" serve --config countersign.yaml & read -r _; kill $!; wait", Self.countersign]
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return input.fileHandleForWriting
    }

    /// Of `curl`, which reads no settings of whoever runs the tests and waits for nothing without end.
    private static let plain = ["--disable", "--noproxy", "*", "--silent", "--max-time", "60"]

    private func waitUntilReady(_ address: String) throws {
        let arguments = ["--fail", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", address]
        try #require(try Shell.run("curl", Self.plain + arguments).succeeded, "the issuer is not ready")
    }

    /// The body of the first answer, once the receiver listens: at most a minute from now.
    private func firstAnswer(_ call: () async throws -> HTTPClientResponse) async throws -> String {
        for _ in 0..<600 {
            if let response = try? await call() { return String(buffer: try await response.body.collect(upTo: 1024)) }
            try await Task.sleep(for: .milliseconds(100))
        }
        return String(buffer: try await call().body.collect(upTo: 1024))
    }

    private func status(_ address: String, from service: String, token: String?, in folder: TestDirectory) throws -> String {
        var arguments = Self.plain + ["--output", folder.path("answer"), "--write-out", "%{http_code}"]
        arguments += ["--cacert", folder.path("certs/ca.pem"), "--cert", folder.path("certs/\(service)/cert.pem")]
        arguments += ["--key", folder.path("certs/\(service)/key.pem")]
        if let token { arguments += ["--header", "Authorization: Bearer \(token)"] }
        return try Shell.run("curl", arguments + [address]).standardOutput
    }
}
