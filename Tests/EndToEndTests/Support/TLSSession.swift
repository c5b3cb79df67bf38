import CountersignTesting
import Foundation

/// A TLS connection by `openssl s_client` that says what the test wants, when the test wants it.
final class TLSSession: Sendable {
    private let process: Process
    private let input: FileHandle
    private let output: TestDirectory

    /// - Parameters:
    ///   - service: whose certificate it presents; `nil` for none.
    ///   - arguments: more options of `openssl s_client`.
    init(to issuer: RunningIssuer, as service: String? = "user-svc", arguments: [String] = []) throws {
        // Writing to a client that has ended is an error to this test, not the end of its process.
        signal(SIGPIPE, SIG_IGN)
        let files = issuer.folder.files
        output = try TestDirectory()
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            [
                "timeout", "--foreground", "--signal=KILL", "120", "openssl", "s_client", "-quiet", "-nocommands", "-connect",
                "127.0.0.1:\(issuer.port)", "-servername", IssuerFolder.host, "-CAfile", files.path("certs/ca.pem"),
            ] + arguments
        if let service {
            process.arguments? += [
                "-cert", files.path("certs/\(service)/cert.pem"), "-key", files.path("certs/\(service)/key.pem"),
            ]
        }
        let pipe = Pipe()
        let outputFile = try FileHandle(forWritingTo: URL(fileURLWithPath: try output.write("", to: "output")))
        process.standardInput = pipe.fileHandleForReading
        process.standardOutput = outputFile
        process.standardError = FileHandle.nullDevice
        try process.run()
        try outputFile.close()
        try pipe.fileHandleForReading.close()
        input = pipe.fileHandleForWriting
    }

    deinit {
        close()
    }

    /// Sends the text in one write, which up to 16 KiB is one TLS record.
    func send(_ text: String) throws {
        try input.write(contentsOf: Data(text.utf8))
    }

    /// Ends the connection without a farewell.
    func close() {
        if process.isRunning { kill(process.processIdentifier, SIGALRM) }
    }

    /// Everything the server sent.
    func received() throws -> [UInt8] {
        try output.read("output")
    }

    /// The whole responses so far.
    func answers() throws -> [HTTPAnswer] {
        var rest = try received()
        var answers: [HTTPAnswer] = []
        while let (answer, more) = HTTPAnswer.read(rest) {
            answers.append(answer)
            rest = more
        }
        return answers
    }

    /// Waits for the response of this number, counted from 1.
    func answer(_ number: Int = 1) async throws -> HTTPAnswer {
        try await eventually("response \(number)") { try answers().dropFirst(number - 1).first }
    }

    /// Waits until the connection has ended.
    func end(within limit: Duration = .seconds(30)) async throws {
        try await eventually("the end of the connection", within: limit) { !process.isRunning }
    }

    var isOpen: Bool { process.isRunning }
}

extension TLSSession {
    /// A token request, to be sent.
    static func tokenRequest(_ form: String = "grant_type=client_credentials&audience=search-svc", close: Bool = false) -> String
    {
        "POST /oauth2/token HTTP/1.1\r\nHost: \(IssuerFolder.host)\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            + "Content-Length: \(form.utf8.count)\r\n\(close ? "Connection: close\r\n" : "")\r\n\(form)"
    }
}
