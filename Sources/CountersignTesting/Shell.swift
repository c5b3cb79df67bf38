internal import Foundation

/// Other programs, asked for a second opinion: `openssl`, `curl`, the built `countersign`.
///
/// ```swift
/// let result = try Shell.run("openssl", "verify", "-CAfile", ca, certificate)
/// #expect(result.succeeded, "\(result.standardError)")
/// ```
public enum Shell {
    /// What a program left behind.
    public struct Result: Sendable, CustomStringConvertible {
        /// 0 for success; 128 and the signal's number for a program that was killed.
        public let exitCode: Int32
        public let output: [UInt8]
        public let errors: [UInt8]

        public var succeeded: Bool { exitCode == 0 }

        /// Standard output as text, without the line break at its end.
        public var standardOutput: String { Self.text(output) }

        /// Standard error as text, without the line break at its end.
        public var standardError: String { Self.text(errors) }

        public var description: String { "exit code \(exitCode)\n\(standardOutput)\n\(standardError)" }

        private static func text(_ bytes: [UInt8]) -> String {
            let isBreak: (UInt8) -> Bool = { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            return String(decoding: bytes.reversed().drop(while: isBreak).reversed(), as: UTF8.self)
        }
    }

    /// A program that could not be run at all. A program that ran and failed is a ``Result``.
    public struct Missing: Error, CustomStringConvertible {
        public let program: String

        public var description: String { "\(program) is not on the PATH: install it to run this test" }
    }

    /// Runs a program to its end and blocks until then. No shell is involved: arguments are passed as they are.
    ///
    /// - Parameters:
    ///   - program: a name to look for on the PATH, or a path with a slash in it.
    ///   - input: its standard input.
    ///   - directory: its working directory; this process's own by default.
    /// - Throws: ``Missing``, or Foundation's error when it could not be started.
    public static func run(
        _ program: String,
        _ arguments: [String],
        input: [UInt8] = [],
        directory: String? = nil
    ) throws -> Result {
        guard let executable = find(program) else { throw Missing(program: program) }
        // Files and not pipes: a program that fills one pipe while we read the other would wait for ever.
        let scratch = try TestDirectory()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        let streams = [
            try FileHandle(forReadingFrom: URL(fileURLWithPath: try scratch.write(input, to: "input"))),
            try FileHandle(forWritingTo: URL(fileURLWithPath: try scratch.write([], to: "output"))),
            try FileHandle(forWritingTo: URL(fileURLWithPath: try scratch.write([], to: "errors"))),
        ]
        process.standardInput = streams[0]
        process.standardOutput = streams[1]
        process.standardError = streams[2]
        try process.run()
        process.waitUntilExit()
        for stream in streams { try stream.close() }
        return Result(
            exitCode: process.terminationReason == .uncaughtSignal ? 128 + process.terminationStatus : process.terminationStatus,
            output: try scratch.read("output"),
            errors: try scratch.read("errors")
        )
    }

    /// The same with the arguments one by one.
    public static func run(_ program: String, _ arguments: String...) throws -> Result {
        try run(program, arguments)
    }

    private static func find(_ program: String) -> String? {
        if program.contains("/") { return FileManager.default.isExecutableFile(atPath: program) ? program : nil }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
        return folders.map { "\($0)/\(program)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
