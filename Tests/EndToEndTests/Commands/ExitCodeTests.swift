import CountersignTesting
import Testing

/// What all commands have in common.
@Suite(.serialized) struct ExitCodeTests {
    private static let commands = [
        ["demo"], ["serve"], ["config", "check"], ["policy", "explain"], ["keys", "init"], ["keys", "list"], ["keys", "rotate"],
        ["keys", "revoke"], ["keys", "jwks"], ["pki", "init"], ["pki", "issue"], ["pki", "revoke"], ["pki", "crl"],
        ["pki", "status"],
        ["pki", "verify"], ["token", "fetch"], ["token", "inspect"], ["token", "verify"],
    ]
    /// Those that do something without a single option.
    private static let complete = [["demo"], ["token", "inspect"]]

    @Test(arguments: commands) func everyCommandHasHelpWithAnExample(command: [String]) throws {
        let result = try Program.run(command + ["--help"])
        #expect(result.succeeded)
        #expect(result.standardError.isEmpty)
        #expect(result.standardOutput.contains("USAGE: countersign \(command.joined(separator: " "))"))
        #expect(result.standardOutput.contains("EXAMPLE"), "\(result)")
    }

    @Test(arguments: commands.filter { !complete.contains($0) } + [["nonsense"], ["token", "nonsense"]])
    func wrongUsageExitsWith64AndOneWayToTellIt(command: [String]) throws {
        for arguments in [command, command + ["--no-such-option"]] {
            let result = try Program.run(arguments)
            #expect(result.exitCode == 64, "\(result)")
            #expect(result.output.isEmpty)
            #expect(!result.error.isEmpty, "\(result)")
        }
    }

    @Test func theVersionIsSaid() throws {
        let result = try Program.run("--version")
        #expect(result.succeeded)
        #expect(result.standardOutput.split(separator: ".").count == 3)
    }
}
