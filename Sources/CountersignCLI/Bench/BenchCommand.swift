import ArgumentParser

/// `countersign bench ...`: what an issuer can do, measured from where its callers are.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures a running issuer: tokens per second, and how long a caller waits for one.",
        discussion: """
            EXAMPLE
              countersign bench mint --issuer https://localhost:8443 \\
                --cert certs/user-svc/cert.pem --key certs/user-svc/key.pem \\
                --ca certs/ca.pem --audience search-svc
            """,
        subcommands: [BenchMintCommand.self, BenchConnectCommand.self, BenchResumeCommand.self]
    )
}

/// `countersign bench mint`: tokens over connections that stay.
struct BenchMintCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mint",
        abstract: "Tokens over kept-alive connections: what signing and HTTP cost.",
        discussion: """
            EXAMPLE
              countersign bench mint --issuer https://localhost:8443 \\
                --cert certs/user-svc/cert.pem --key certs/user-svc/key.pem \\
                --ca certs/ca.pem --audience search-svc --rate 500
            """
    )

    @OptionGroup var options: BenchOptions

    @Option(help: ArgumentHelp("How many threads make the load; one leaves the most to an issuer beside it.", valueName: "count"))
    var threads = 1

    func validate() throws {
        guard 1...64 ~= threads else { throw ValidationError("--threads must be between 1 and 64") }
    }

    func run() async throws {
        try await BenchRun(.mint, options, threads: threads).run()
    }
}

/// `countersign bench connect`: a new connection for every token.
struct BenchConnectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "A new connection with a full handshake for every token: what callers cost that come once.",
        discussion: """
            EXAMPLE
              countersign bench connect --issuer https://localhost:8443 \\
                --cert certs/user-svc/cert.pem --key certs/user-svc/key.pem \\
                --ca certs/ca.pem --audience search-svc
            """
    )

    @OptionGroup var options: BenchOptions

    func run() async throws {
        try await BenchRun(.connect, options).run()
    }
}

/// `countersign bench resume`: a new connection for every token that goes on with the session of the last.
struct BenchResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "A new connection with a resumed TLS session for every token: what callers cost that come again.",
        discussion: """
            EXAMPLE
              countersign bench resume --issuer https://localhost:8443 \\
                --cert certs/user-svc/cert.pem --key certs/user-svc/key.pem \\
                --ca certs/ca.pem --audience search-svc
            """
    )

    @OptionGroup var options: BenchOptions

    func run() async throws {
        try await BenchRun(.resume, options).run()
    }
}
