import ArgumentParser
import CountersignFiles
import Foundation

/// `countersign <noun> <verb>`: one file per noun, the shared rules for errors and output in `Support/`.
@main
struct CountersignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "countersign",
        abstract: "Issues and verifies short-lived service tokens that are bound to mutual-TLS client certificates.",
        discussion: """
            EXAMPLE
              countersign demo
              countersign serve --config countersign.yaml
            """,
        version: "0.1.0",
        subcommands: [
            DemoCommand.self, ServeCommand.self, ConfigCommand.self, PolicyCommand.self, KeysCommand.self, DenyCommand.self,
            PKICommand.self, TokenCommand.self, AgentCommand.self, BenchCommand.self,
        ]
    )

    /// Runs the command line given to the process and turns every failure into the documented exit code.
    static func main() async {
        StandardStream.keepNumbers()
        // A reader that has gone is told by the write, so that what is temporary can be removed.
        _ = signal(SIGPIPE, SIG_IGN)
        Processors.matchEventLoops()
        do {
            var command = try parseAsRoot(KidArguments.movingKids(Array(CommandLine.arguments.dropFirst())))
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            failure.report()
            Foundation.exit(failure.exitCode.rawValue)
        } catch  where Self.exitCode(for: error) == .failure {
            // Not one of ours and not the argument parser's: still one plain line, and the code for "anything else".
            CommandFailure.unexpected(error).report()
            Foundation.exit(CommandFailure.ExitCode.software.rawValue)
        } catch  where Self.exitCode(for: error) == .validationFailure {
            // In lines of the argument parser's own.
            StandardError.write(exact: "error: \(message(for: error))\nhint: countersign help says what there is")
            Foundation.exit(CommandFailure.ExitCode.usage.rawValue)
        } catch  where Self.exitCode(for: error) == .success {
            // A request for help or for the version.
            StandardOutput.write(exact: fullMessage(for: error))
        } catch {
            exit(withError: error)
        }
    }
}
