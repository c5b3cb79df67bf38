import CountersignTesting
import Foundation

/// `countersign serve` as a process, with its log in a file.
///
/// It is stopped with ``stop()``, which tells how it ended; a value that goes away without that kills it. Should even this
/// process die first, the issuer is killed after ten minutes.
final class RunningIssuer: Sendable {
    @TaskLocal static var current: RunningIssuer?

    let folder: IssuerFolder
    /// Of the mutual TLS listener.
    let port: Int
    /// Of the listener for probes.
    let operationsPort: Int

    private let process: Process
    private let logFile: TestDirectory

    /// Starts it and waits until it listens.
    ///
    /// - Parameter wrapper: a program, with its arguments, that starts the issuer in a way of its own.
    static func start(
        _ folder: IssuerFolder, configuration: String = "countersign.yaml", under wrapper: [String] = []
    ) async throws -> RunningIssuer {
        let logFile = try TestDirectory()
        let errors = try FileHandle(forWritingTo: URL(fileURLWithPath: try logFile.write("", to: "log")))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // The threads that tests run on block signals, and a program begins with what the thread blocks that starts it.
        process.arguments =
            ["--default-signal"] + wrapper
            + ["timeout", "--foreground", "--signal=KILL", "600", Program.path, "serve", "--config", configuration]
        process.currentDirectoryURL = URL(fileURLWithPath: folder.files.path)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
        try process.run()
        try errors.close()
        do {
            func port(after text: String) async throws -> Int {
                try await eventually("\(text) in the log") {
                    let log = try Self.log(logFile)
                    if !process.isRunning { throw NotInTime(description: "the issuer did not start:\n\(log)") }
                    return log.split(separator: "\n").first { $0.contains(text) }
                        .flatMap { $0.split(separator: ":").last }.flatMap { Int($0) }
                }
            }
            return RunningIssuer(
                folder: folder, port: try await port(after: "listening address=https://127.0.0.1:"),
                probes: try await port(after: "listening for probes address=http://127.0.0.1:"), process: process,
                logFile: logFile
            )
        } catch {
            Self.kill(process)
            throw error
        }
    }

    private init(folder: IssuerFolder, port: Int, probes: Int, process: Process, logFile: TestDirectory) {
        self.folder = folder
        self.port = port
        operationsPort = probes
        self.process = process
        self.logFile = logFile
    }

    deinit {
        Self.kill(process)
    }

    /// `http://127.0.0.1:PORT` of the probes.
    var operations: String { "http://127.0.0.1:\(operationsPort)" }

    var isRunning: Bool { process.isRunning }

    var processIdentifier: Int32 { process.processIdentifier }

    func send(_ signal: Int32) {
        Foundation.kill(process.processIdentifier, signal)
    }

    /// Asks it to stop and returns its exit code. One that does not stop is killed, and the exit code says so.
    func stop(_ signal: Int32 = SIGTERM) async throws -> Int32 {
        send(signal)
        return try await exitCode()
    }

    func exitCode() async throws -> Int32 {
        defer { Self.kill(process) }
        try await eventually("the end of the issuer") { !process.isRunning }
        return process.terminationReason == .uncaughtSignal ? 128 + process.terminationStatus : process.terminationStatus
    }

    /// To `timeout` this signal says that the time is over: it kills the issuer.
    private static func kill(_ process: Process) {
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGALRM) }
    }
}

extension RunningIssuer {
    /// Of the issuer itself.
    var program: ProgramProcess {
        get throws { try ProgramProcess(under: processIdentifier) }
    }

    /// A place in the log; what is looked for after it was caused after it.
    struct LogMark {
        fileprivate let bytes: Int
    }

    /// The end of the log now.
    func mark() throws -> LogMark {
        LogMark(bytes: try logFile.read("log").count)
    }

    /// The log from the mark on.
    func log(since mark: LogMark = LogMark(bytes: 0)) throws -> String {
        String(decoding: try logFile.read("log").dropFirst(mark.bytes), as: UTF8.self)
    }

    private static func log(_ file: TestDirectory) throws -> String {
        String(decoding: try file.read("log"), as: UTF8.self)
    }

    /// Waits for a line with all of these texts in it.
    @discardableResult
    func logs(_ texts: String..., since mark: LogMark = LogMark(bytes: 0)) async throws -> String {
        try await eventually("a log line with \(texts)") {
            try log(since: mark).split(separator: "\n").first { line in texts.allSatisfy { line.contains($0) } }.map(String.init)
        }
    }
}
