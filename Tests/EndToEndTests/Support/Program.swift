import CountersignTesting
import Foundation

/// The built `countersign`, run as a user runs it.
enum Program {
    /// Beside the test bundle, where the same build put it.
    static let path: String = {
        let bundle = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments.first ?? "")
        return bundle.resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("countersign").path
    }()

    /// Runs one command to its end. After a minute it is killed and exits with 124, so that no test waits for ever.
    static func run(
        _ arguments: [String],
        input: String = "",
        in directory: TestDirectory? = nil,
        environment: [String] = []
    ) throws -> Shell.Result {
        try Shell.run(
            "timeout", ["--kill-after=5", "60", "env"] + environment + [path] + arguments, input: Array(input.utf8),
            directory: directory?.path
        )
    }

    static func run(_ arguments: String..., input: String = "", in directory: TestDirectory? = nil) throws -> Shell.Result {
        try run(arguments, input: input, in: directory)
    }
}

extension Shell.Result {
    /// What standard error says after `error: `, one text per line that begins so.
    var errorLines: [String] { lines(after: "error: ") }

    /// The last of them: what the command stopped for.
    var error: String { errorLines.last ?? "" }

    /// What standard error says after `hint: `.
    var hint: String { lines(after: "hint: ").last ?? "" }

    private func lines(after prefix: String) -> [String] {
        standardError.split(separator: "\n").filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }
}
