import Foundation
import Logging
import Synchronization

/// A program that is told of a new token. It is run as it is named: no shell sees its arguments.
struct ChangeCommand: Sendable {
    /// The program, by path or by a name to look for on the PATH, and its arguments. Not empty.
    let arguments: [String]
    let logger: Logger

    static let timeout = Duration.seconds(60)

    /// Runs it to its end, and kills it when it takes longer than ``timeout``. Its failure is logged and changes nothing.
    ///
    /// The program sees `COUNTERSIGN_AUDIENCE` and `COUNTERSIGN_FILE` in its environment, and never the token.
    func run(audience: String, file: String?) async {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // A program begins with the signals ignored that we ignore; this one is to be stopped like any other.
        process.arguments = ["--default-signal"] + arguments
        var environment = ProcessInfo.processInfo.environment
        environment["COUNTERSIGN_AUDIENCE"] = audience
        environment["COUNTERSIGN_FILE"] = file.map { URL(fileURLWithPath: $0).path }
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.standardError
        process.standardError = FileHandle.standardError
        let end = ProcessEnd()
        process.terminationHandler = { process in
            end.reached(
                process.terminationReason == .uncaughtSignal ? 128 + process.terminationStatus : process.terminationStatus)
        }
        do {
            try process.run()
        } catch {
            logger.error("the command cannot be run", metadata: ["command": "\(arguments.first ?? "")", "error": "\(error)"])
            return
        }
        let identifier = process.processIdentifier
        let code = await withTaskGroup(of: Int32?.self) { group in
            group.addTask { await end.code() }
            group.addTask {
                if (try? await Task.sleep(for: Self.timeout)) != nil { kill(identifier, SIGKILL) }
                return nil
            }
            var code: Int32?
            for await outcome in group {
                guard let outcome else { continue }
                code = outcome
                group.cancelAll()
            }
            return code
        }
        guard code == 0 else {
            logger.error(
                "the command failed",
                metadata: ["command": "\(arguments.first ?? "")", "audience": "\(audience)", "exit_code": "\(code ?? -1)"]
            )
            return
        }
        logger.info("the command was run", metadata: ["command": "\(arguments.first ?? "")", "audience": "\(audience)"])
    }
}

/// How a program ended, for whoever asks before or after it did.
private final class ProcessEnd: Sendable {
    private struct State {
        var code: Int32?
        var waiting: CheckedContinuation<Int32, Never>?
    }

    private let state = Mutex(State())

    func reached(_ code: Int32) {
        let waiting = state.withLock { state in
            state.code = code
            return state.waiting.take()
        }
        waiting?.resume(returning: code)
    }

    /// Waits for the end, which comes: the program is killed when it takes too long.
    func code() async -> Int32 {
        await withCheckedContinuation { continuation in
            let code = state.withLock { state in
                if state.code == nil { state.waiting = continuation }
                return state.code
            }
            if let code { continuation.resume(returning: code) }
        }
    }
}
