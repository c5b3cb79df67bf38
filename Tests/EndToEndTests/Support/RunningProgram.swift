import CountersignTesting
import Foundation

/// A `countersign` that goes on until it is told to stop, with its log in a file.
///
/// It is stopped with ``stop()``; a value that goes away without that kills it.
final class RunningProgram: Sendable {
    private let process: Process
    private let logFile: TestDirectory

    /// - Parameter environment: variables besides our own.
    init(_ arguments: [String], in directory: TestDirectory, environment: [String: String] = [:]) throws {
        logFile = try TestDirectory()
        let errors = try FileHandle(forWritingTo: URL(fileURLWithPath: try logFile.write("", to: "log")))
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // The threads that tests run on block signals, and a program begins with what the thread blocks that starts it.
        process.arguments =
            ["--default-signal", "timeout", "--foreground", "--signal=KILL", "600", Program.path] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.currentDirectoryURL = URL(fileURLWithPath: directory.path)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
        try process.run()
        try errors.close()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGALRM) }
    }

    /// Of the program itself.
    var program: ProgramProcess {
        get throws { try ProgramProcess(under: process.processIdentifier) }
    }

    func send(_ signal: Int32) {
        kill(process.processIdentifier, signal)
    }

    /// Asks it to stop and returns its exit code.
    func stop() async throws -> Int32 {
        send(SIGTERM)
        return try await exitCode()
    }

    func exitCode() async throws -> Int32 {
        try await eventually("the end of the program") { !process.isRunning }
        return process.terminationReason == .uncaughtSignal ? 128 + process.terminationStatus : process.terminationStatus
    }

    var log: String { (try? logFile.read("log")).map { String(decoding: $0, as: UTF8.self) } ?? "" }

    /// Waits for a line with all of these texts in it.
    @discardableResult
    func logs(_ texts: String...) async throws -> String {
        try await eventually("a log line with \(texts) in:\n\(log)") {
            if !process.isRunning { throw NotInTime(description: "it ended without a line with \(texts):\n\(log)") }
            return log.split(separator: "\n").first { line in texts.allSatisfy { line.contains($0) } }.map(String.init)
        }
    }
}
