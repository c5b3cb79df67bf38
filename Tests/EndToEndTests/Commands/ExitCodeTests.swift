import CountersignCrypto
import CountersignTesting
import Testing

/// What all commands have in common.
@Suite(.serialized) struct ExitCodeTests {
    private static let commands = [
        ["demo"], ["serve"], ["config", "check"], ["policy", "explain"], ["keys", "init"], ["keys", "list"], ["keys", "rotate"],
        ["keys", "revoke"], ["keys", "jwks"], ["pki", "init"], ["pki", "issue"], ["pki", "revoke"], ["pki", "crl"],
        ["pki", "status"],
        ["pki", "verify"], ["token", "fetch"], ["token", "inspect"], ["token", "verify"], ["bench", "mint"],
        ["bench", "connect"], ["bench", "resume"],
    ]
    /// Those that do something without a single option.
    private static let complete = [["demo"], ["pki", "crl"], ["pki", "status"], ["token", "inspect"]]

    @Test(arguments: commands) func everyCommandHasHelpWithAnExample(command: [String]) throws {
        let result = try Program.run(command + ["--help"])
        #expect(result.succeeded)
        #expect(result.standardError.isEmpty)
        #expect(result.standardOutput.contains("USAGE: countersign \(command.joined(separator: " "))"))
        #expect(result.standardOutput.contains("EXAMPLE"), "\(result)")
    }

    @Test(arguments: commands + [["nonsense"], ["token", "nonsense"]])
    func wrongUsageExitsWith64AndOneWayToTellIt(command: [String]) throws {
        let bare = Self.complete.contains(command) ? [] : [command]
        for arguments in bare + [command + ["--no-such-option"]] {
            let result = try Program.run(arguments)
            #expect(result.exitCode == 64, "\(result)")
            #expect(result.output.isEmpty)
            #expect(!result.error.isEmpty, "\(result)")
        }
    }

    @Test(arguments: [
        (["pki", "verify", "x", "--ca", "x", "--at", "2020-03-01"], "2026-01-02T03:04:05Z"),
        (["policy", "explain", "x", "--config", "x", "--at", "now"], "seconds since 1970"),
        (["config", "check", "x", "--at", "tomorrow"], "2026-01-02T03:04:05Z"),
        (["token", "verify", "x", "--at", "-"], "2026-01-02T03:04:05Z"),
        (["pki", "crl", "--dir", "x", "--valid-for", "1x"], "90s, 5m, 12h, 30d or 0"),
        (["token", "verify", "x", "--leeway", "60"], "90s, 5m, 12h, 30d or 0"),
        (["bench", "mint", "--duration", "9223372036854775807d"], "90s, 5m, 12h, 30d or 0"),
        (["pki", "issue", "x", "--dir", "x", "--ip", "300.1.1.1"], "192.0.2.1 or 2001:db8::1"),
    ])
    func aWrongValueIsToldTheFormAndSoIsHelp(command: [String], form: String) throws {
        let result = try Program.run(command)
        #expect(result.exitCode == 64, "\(result)")
        let value = try #require(command.last)
        #expect(result.error.hasPrefix("The value '\(value)' is invalid for '--") && result.error.contains(form), "\(result)")
        let help = try Program.run(command.prefix(2) + ["--help"]).standardOutput
        let words = help.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(words.contains(form), "\(help)")
        #expect(!form.hasPrefix("90s") || words.contains("\(form) (default: "), "\(help)")
    }

    /// The same mistake has the same code, whichever command it is made with.
    @Test func whatIsWrongWithTheIssuerIsToldAlike() async throws {
        let folder = try IssuerFolder()
        let running = try await RunningIssuer.start(folder)
        let files = folder.files
        try files.write(try TestAuthority(at: .now()).issue("user-svc"), as: "certs/impostor")
        func run(_ issuer: String, _ service: String, _ command: [String]) throws -> Shell.Result {
            let own = ["--cert", "certs/\(service)/cert.pem", "--key", "certs/\(service)/key.pem", "--ca", "certs/ca.pem"]
            return try Program.run(command + ["--issuer", issuer] + own, in: files)
        }
        let fetch = ["token", "fetch", "--audience", "search-svc"]
        for command in [fetch, fetch + ["--watch", "--out", "kept"], ["keys", "list"], ["deny", "list"]] {
            let plain = try run("http://127.0.0.1:\(running.port)", "user-svc", command)
            #expect(plain.exitCode == 64, "\(command): \(plain)")
            #expect(!plain.error.isEmpty && !plain.hint.isEmpty)
        }
        for command in [fetch, ["keys", "list"], ["deny", "list"]] {
            let refused = try run("https://127.0.0.1:\(running.port)", "impostor", command)
            #expect(refused.exitCode == 1, "\(command): \(refused)")
            #expect(refused.error.contains("refused our certificate"))
        }
        #expect(try await running.stop() == 0)
    }

    @Test(.timeLimit(.minutes(2)), .enabled(if: ProofSize.isLong, "takes half a minute"))
    func anIssuerThatNeverAnswersIsNotWaitedForForEver() async throws {
        let folder = try IssuerFolder()
        let silent = try await OddIssuer.start(folder, answering: "pass")
        let result = try Program.run(
            "keys", "list", "--issuer", silent.address, "--cert", "certs/user-svc/cert.pem", "--key", "certs/user-svc/key.pem",
            "--ca", "certs/ca.pem", in: folder.files)
        #expect(result.exitCode == 70, "\(result)")
        #expect(result.error.hasSuffix("did not answer in time") && !result.hint.isEmpty)
    }

    @Test(arguments: ["--cert", "--key", "--ca"]) func whatIsForARunningIssuerIsNotTakenWithADirectory(option: String) throws {
        let result = try Program.run("keys", "list", "--keys", "keys", option, "file.pem")
        #expect(result.exitCode == 64, "\(result)")
    }

    @Test func theExampleOfTheAgentCanBeCopied() throws {
        #expect(try Program.run("agent", "--help").standardOutput.contains("agent.sock \\\n"))
    }

    @Test func theVersionIsSaid() throws {
        let result = try Program.run("--version")
        #expect(result.succeeded)
        #expect(result.standardOutput.split(separator: ".").count == 3)
    }
}
