import Foundation
import Testing

@testable import CountersignIssuer

/// The bounds of the configuration, at a running issuer.
@Suite("An issuer with bounds")
struct OverloadTests {
    private static func files(_ sections: String, services: String = IssuerFolder.services) async throws -> IssuerFolder {
        let files = try await IssuerFolder()
        try files.writeConfiguration(services: sections + "\n" + services)
        return files
    }

    private static let services = """
        services:
          - id: user-svc
            subject: CN=user-svc,O=Link Service
            audiences: { search-svc: { roles: [reader] } }
            RATE
          - id: other-svc
            subject: CN=stranger,O=Link Service
            audiences: { search-svc: {} }
        """

    @Test("gives a service no more tokens than its rate allows, and others theirs, and follows a new rate at once")
    func rate() async throws {
        let limited = Self.services.replacing("RATE", with: "tokensPerSecond: 1\n    tokensBurst: 2")
        // Time stands still: no token comes back while the test takes its time.
        try await RunningIssuer.run(try await Self.files("", services: limited), elapsed: { .zero }) { issuer in
            for _ in 0..<2 { #expect(try await issuer.token(RunningIssuer.goodForm).status == 200) }
            let answer = try await issuer.token(RunningIssuer.goodForm)
            #expect(answer.status == 429)
            #expect(answer.headers["retry-after"] == "1")
            #expect(answer.headers["cache-control"] == "no-store")
            #expect(answer.headers["content-type"] == "application/json")
            #expect(answer.text("error") == "temporarily_unavailable")
            #expect(
                answer.text("error_description") == "user-svc may have 1 tokens a second, 2 at once: try again in 1 s")
            let line = try await issuer.log.line(with: "token refused", "reason=rate-limited")
            #expect(line.contains("service=user-svc") && !line.contains("refused="))
            // What would be no token is refused for what it is.
            #expect(try await issuer.token("grant_type=password&audience=search-svc").status == 400)
            #expect(try await issuer.token(RunningIssuer.goodForm, as: "stranger").status == 200)

            // A reload that changes something else gives nothing back.
            try issuer.files.writeConfiguration(services: limited + "\nadmins: []")
            _ = try await issuer.log.line(with: "configuration reloaded")
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 429)
            try issuer.files.writeConfiguration(services: Self.services.replacing("    RATE\n", with: ""))
            try await eventually("no bound") { try await issuer.token(RunningIssuer.goodForm).status == 200 }
        }
    }

    @Test("logs no more than a hundred refusals of a service at once, and those of others all the same")
    func linesOfRefusals() async throws {
        let services = Self.services.replacing("    RATE\n", with: "")
        // Time stands still: nobody has another line while the test takes its time.
        try await RunningIssuer.run(try await Self.files("", services: services), elapsed: { .zero }) { issuer in
            let connection = try KeptConnection(to: issuer, as: "user-svc")
            let form = "grant_type=client_credentials&audience=nobody"
            for _ in 0..<150 {
                #expect(try await connection.token(form).contains("invalid_target"))
            }
            #expect(try await issuer.token(form, as: "stranger").status == 400)
            _ = try await issuer.log.line(with: "reason=audience-not-granted", "service=other-svc")
            let told = issuer.log.all.split(separator: "\n").filter {
                $0.contains("reason=audience-not-granted") && $0.contains("service=user-svc")
            }
            #expect(told.count == 100)
            // Another reason is told, and what was issued is always.
            #expect(try await connection.token("grant_type=password").contains("unsupported_grant_type"))
            _ = try await issuer.log.line(with: "reason=grant-unsupported", "service=user-svc")
            #expect(try await connection.token(RunningIssuer.goodForm).contains("access_token"))
            _ = try await issuer.log.line(with: "token issued", "service=user-svc")
        }
    }

    @Test("logs no more than a hundred refused connections of an address at once")
    func linesOfRefusedConnections() async throws {
        try await RunningIssuer.run(try await Self.files(""), elapsed: { .zero }) { issuer in
            for _ in 0..<120 { _ = try? await Curl.run(["http://127.0.0.1:\(issuer.port)/"]) }
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 200)
            _ = try await issuer.log.line(with: "token issued")
            #expect(issuer.log.all.components(separatedBy: "reason=not-tls").count == 101)
        }
    }

    @Test("answers requests beyond those in progress with 503, and says so in the log")
    func requestsInProgress() async throws {
        try await RunningIssuer.run(try await Self.files("limits: { requestsInProgress: 1 }")) { issuer in
            let connection = try KeptConnection(to: issuer, as: "user-svc")
            let form = RunningIssuer.goodForm
            let request = KeptConnection.head(contentLength: form.utf8.count) + form
            // In one piece: both are read before the first is served.
            try connection.send(request + request)
            try await eventually("the second answer") { connection.text.hasSuffix("\"status\":503}") }
            #expect(connection.text.hasPrefix("HTTP/1.1 200 "))
            #expect(connection.text.contains("HTTP/1.1 503 Service Unavailable\r\n"))
            #expect(connection.text.contains("\r\nRetry-After: 1\r\n"))
            let line = try await issuer.log.line(with: "reason=server-overloaded")
            #expect(line.contains("warning") && line.contains("refused=1") && line.contains("most=user-svc"), "\(line)")
            #expect(try await issuer.token(form).status == 200)
        }
    }

    @Test("closes connections of an address that has as many as it may, and says so in the log")
    func connectionsPerAddress() async throws {
        try await RunningIssuer.run(try await Self.files("limits: { connectionsPerAddress: 1 }")) { issuer in
            let connection = try KeptConnection(to: issuer, as: "user-svc")
            #expect(try await connection.token(RunningIssuer.goodForm).hasPrefix("HTTP/1.1 200"))
            let answer = try await issuer.token(RunningIssuer.goodForm)
            #expect(answer.exitCode != 0 && answer.status == 0)
            let line = try await issuer.log.line(with: "connection refused", "reason=too-many-connections")
            #expect(line.contains("notice") && line.contains("remote=127.0.0.1"), "\(line)")
            #expect(try await connection.token(RunningIssuer.goodForm).hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("says which of them need a restart")
    func restart() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            try issuer.files.writeConfiguration(
                services: "limits: { connections: 9, connectionsPerAddress: 0, requestsInProgress: 9 }\nservices: []")
            _ = try await issuer.log.line(with: "configuration reloaded", "services=0")
            for key in ["connections", "connectionsPerAddress", "requestsInProgress"] {
                _ = try await issuer.log.line(with: "warning", "limits.\(key) was changed in the configuration: restart")
            }
        }
    }
}
