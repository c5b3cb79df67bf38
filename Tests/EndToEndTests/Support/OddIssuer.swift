import CountersignTesting
import Foundation

/// Something in an issuer's place that does what no issuer does. Ends when it goes away, after ten minutes at the latest.
final class OddIssuer: Sendable {
    let address: String
    private let process: Process

    /// - Parameter script: what is done with each `connection` whose first bytes were read; in Python.
    static func start(_ folder: IssuerFolder, answering script: String) async throws -> OddIssuer {
        try await start(
            folder,
            running: """
                import email.utils, ssl, time
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain("certs/issuer/cert.pem", "certs/issuer/key.pem")
                context.load_verify_locations("certs/ca.pem")
                context.verify_mode = ssl.CERT_REQUIRED
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
                """)
    }

    /// The issuer at `port`, which hears what a client says after its first words a second later than it is said.
    static func hearingLate(_ folder: IssuerFolder, port: Int) async throws -> OddIssuer {
        try await start(
            folder,
            running: """
                import threading, time
                def pass_on(source, sink, delay):
                    try:
                        while words := source.recv(65536):
                            sink.sendall(words)
                            time.sleep(delay)
                        sink.shutdown(socket.SHUT_WR)
                    except OSError: pass
                while True:
                    client = server.accept()[0]
                    issuer = socket.create_connection(("127.0.0.1", \(port)))
                    threading.Thread(target=pass_on, args=(client, issuer, 1), daemon=True).start()
                    threading.Thread(target=pass_on, args=(issuer, client, 0), daemon=True).start()
                """)
    }

    /// - Parameter body: serves the listening socket `server`; in Python.
    private static func start(_ folder: IssuerFolder, running body: String) async throws -> OddIssuer {
        let files = folder.files
        let name = "odd-\(UUID().uuidString)"
        let server = """
            import os, socket
            server = socket.create_server(("127.0.0.1", 0))
            with open("\(name).new", "w") as file: file.write(str(server.getsockname()[1]))
            os.rename("\(name).new", "\(name)")
            \(body)
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "--default-signal", "timeout", "--foreground", "--signal=KILL", "600", "python3", "-c", server,
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
