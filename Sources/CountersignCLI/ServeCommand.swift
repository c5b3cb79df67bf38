import ArgumentParser
import CountersignIssuer
import Foundation
import Logging

/// `countersign serve`: the issuer.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Runs the issuer.",
        discussion: """
            Serves tokens over mutual TLS on `listen`, and /livez and /readyz over plain HTTP on `operations`. Logs to standard \
            error; the line `listening address=https://...` says that it is ready and on which port.

            SIGTERM and SIGINT finish the requests in hand and stop. SIGHUP, and any change of the configuration or of the files it \
            names, reloads; what does not load changes nothing.

            EXAMPLE
              countersign serve --config countersign.yaml
            """
    )

    @Option(help: ArgumentHelp("The configuration file.", valueName: "file"))
    var config: String

    @Option(
        help: ArgumentHelp("The least important lines to log: trace, debug, info, notice, warning or error.", valueName: "level"))
    var logLevel: LogLevel = .info

    func run() async throws {
        // Until there is somebody to reload, SIGHUP would end the process. What it asks for then happens anyway: nothing has been
        // read yet, and what changes after it was read is noticed by its contents.
        _ = signal(SIGHUP, SIG_IGN)
        let sink = LogSink()
        defer { sink.flush() }
        var logger = Logger(label: "countersign") { _ in LineLogHandler(sink: sink) }
        logger.logLevel = Logger.Level(rawValue: logLevel.rawValue) ?? .info
        let configuration = try ConfigurationFile.load(config)
        var options = IssuerService.Options()
        options.reloadsOnHangup = true
        do {
            let issuer = try await IssuerService(configuration, logger: logger, options: options)
            try await issuer.runUntilSignalled()
        } catch let error as IssuerStartError {
            throw error.code == .address
                ? CommandFailure.software(error.message, hint: error.hint)
                : CommandFailure.configuration(error.message, hint: error.hint)
        }
        logger.notice("stopped")
    }

    enum LogLevel: String, ExpressibleByArgument, CaseIterable {
        case trace, debug, info, notice, warning, error
    }
}
