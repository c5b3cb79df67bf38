import CountersignTesting
import Foundation

/// Something at an issuer's address, with an issuer's certificate, that does what no issuer does. Ends when it goes away, after
/// a minute and a half at the latest.
final class OddIssuer: Sendable {
    let address: String
    private let process: Process

    /// - Parameter script: what is done with each `connection` whose first bytes were read; in Python.
    static func start(_ folder: IssuerFolder, answering script: String) async throws -> OddIssuer {
        let files = folder.files
        let name = "odd-\(UUID().uuidString)"
        let server = """
            import email.utils, os, socket, ssl, time
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain("certs/issuer/cert.pem", "certs/issuer/key.pem")
            context.load_verify_locations("certs/ca.pem")
            context.verify_mode = ssl.CERT_REQUIRED
            server = socket.create_server(("127.0.0.1", 0))
            with open("\(name).new", "w") as file: file.write(str(server.getsockname()[1]))
            os.rename("\(name).new", "\(name)")
            connections = []
            while True:
                try:
                    connection = context.wrap_socket(server.accept()[0], server_side=True)
                    if not connection.recv(65536):
                        connection.close()
                        continue
                except OSError: continue
                connections.append(connection)
                \(script.split(separator: "\n").joined(separator: "\n    "))
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "--default-signal", "timeout", "--foreground", "--signal=KILL", "90", "python3", "-c", server,
        ]
        process.currentDirectoryURL = URL(fileURLWithPath: files.path)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let port = try await eventually("the port of the server") { try? files.read(name) }
        return OddIssuer(address: "https://127.0.0.1:\(String(decoding: port, as: UTF8.self))", process: process)
    }

    private init(address: String, process: Process) {
        self.address = address
        self.process = process
    }

    deinit {
        // To `timeout` this signal says that the time is over.
        if process.isRunning { kill(process.processIdentifier, SIGALRM) }
    }
}
