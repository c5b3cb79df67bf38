import ArgumentParser
import CountersignClient
import CountersignIssuer
import CountersignTLS
import Logging
import UnixSignals

/// `countersign agent`: tokens for programs in any language.
struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Keeps tokens fresh for the programs beside it.",
        discussion: """
            Writes each token to its file, replaced as a whole, and answers GET /token?audience=NAME on a Unix socket. Renews \
            ahead of time, follows a replaced certificate, and keeps the last good token when the issuer is away. SIGHUP reads \
            the configuration again; SIGTERM and SIGINT stop.

            EXAMPLE
              countersign agent --config agent.yaml
              curl --unix-socket agent.sock \\
                http://agent/token?audience=search-svc
            """
    )

    @Option(help: ArgumentHelp("The agent's configuration file.", valueName: "file"))
    var config: String

    @Flag(help: "Only say whether the configuration and the certificate files are right.")
    var check = false

    @Option(
        help: ArgumentHelp("The least important lines to log: trace, debug, info, notice, warning or error.", valueName: "level"))
    var logLevel: ServeCommand.LogLevel = .info

    func run() async throws {
        // Before anything is read: what changes after that is taken over when there is somebody to do it.
        let hangups = check ? nil : await UnixSignalsSequence(trapping: .sighup)
        let configuration: AgentConfiguration
        do {
            configuration = try AgentConfiguration.load(contentsOf: config)
        } catch {
            throw ConfigurationFile.failure(error.problems)
        }
        if check {
            let silent = Logger(label: "countersign.agent") { _ in SwiftLogNoOpLogHandler() }
            try await AgentRun.withWords(ofOptions: false) {
                _ = try Agent(configuration: configuration, file: config, logger: silent).prepare()
            }
            for token in configuration.tokens { try token.file.map(TokenFile.init)?.check() }
            StandardOutput.write("\(config) is right: \(configuration.tokens.count) tokens")
            return
        }
        try await AgentRun.run(configuration, file: config, level: logLevel, hangups: hangups)
    }
}

/// Runs an agent with a log on standard error.
enum AgentRun {
    /// - Parameter hangups: what has been asked for since before the configuration was read; `nil` where no file of it is.
    static func run(
        _ configuration: AgentConfiguration, file: String?, level: ServeCommand.LogLevel, hangups: UnixSignalsSequence? = nil
    ) async throws {
        let sink = LogSink()
        defer { sink.flush() }
        var logger = Logger(label: "countersign.agent") { _ in LineLogHandler(sink: sink) }
        logger.logLevel = Logger.Level(rawValue: level.rawValue) ?? .info
        let agent = Agent(configuration: configuration, file: file, logger: logger, hangups: hangups)
        try await withWords(ofOptions: file == nil) { try await agent.run() }
    }

    /// The errors of the parts in the words of the command line.
    ///
    /// - Parameter ofOptions: what is wrong was given as an option, not in a file.
    static func withWords(ofOptions: Bool, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as TLSError {
            throw CommandFailure.configuration(error.message, hint: error.hint)
        } catch let error as TokenError {
            throw ofOptions ? CommandFailure(error) : .configuration(error.message, hint: error.hint)
        }
    }
}
