import Foundation
import Synchronization
import Testing

/// One TLS connection kept open by `openssl s_client`, to speak HTTP/1.1 over by hand.
final class KeptConnection: Sendable {
    private let received = Mutex("")
    private let process = Process()
    private let input = Pipe()

    init(to issuer: RunningIssuer, as name: String) throws {
        let folder = issuer.files.folder
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "s_client", "-quiet", "-connect", "127.0.0.1:\(issuer.port)", "-servername", "localhost", "-alpn",
            "http/1.1",
            "-CAfile", folder.path("ca.pem"), "-cert", folder.path("\(name).pem"), "-key", folder.path("\(name)-key.pem"),
        ]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        output.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
            }
            self?.received.withLock { $0 += String(decoding: data, as: UTF8.self) }
        }
        try process.run()
    }

    deinit {
        process.terminate()
    }

    /// What has come so far.
    var text: String { received.withLock { $0 } }

    func send(_ text: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    }

    /// Sends a token request and waits for its answer's JSON.
    func token(_ form: String) async throws -> String {
        try await ask(Self.head(contentLength: form.utf8.count) + form)
    }

    /// What has come so far is not part of the next answer.
    func forget() { received.withLock { $0 = "" } }

    /// Sends a request and waits for its answer's JSON.
    func ask(_ request: String) async throws -> String {
        forget()
        try send(request)
        return try await answer()
    }

    static func head(contentLength: Int) -> String {
        "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            + "Content-Length: \(contentLength)\r\n\r\n"
    }

    func answer() async throws -> String {
        let deadline = ContinuousClock.now.advanced(by: .seconds(20))
        while ContinuousClock.now < deadline {
            let text = received.withLock { $0 }
            if text.hasSuffix("}") {
                return text
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("no answer, only: \(received.withLock { $0 })")
        throw CancellationError()
    }
}
