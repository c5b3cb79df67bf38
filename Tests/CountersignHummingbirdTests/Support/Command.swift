import Foundation

/// A program run to its end: the outside opinion.
struct Command {
    let status: Int32
    let output: String
    let errors: String

    static func run(
        _ program: String,
        _ arguments: [String],
        input: String = "",
        in directory: TemporaryDirectory
    ) async throws -> Command {
        // Files rather than pipes: no amount of output can block the program.
        let name = UUID().uuidString
        let files = try ["in", "out", "err"].map { kind in
            try directory.write(kind == "in" ? Array(input.utf8) : [], to: "\(name).\(kind)")
        }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardInput = try FileHandle(forReadingFrom: URL(filePath: files[0]))
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: files[1]))
        process.standardError = try FileHandle(forWritingTo: URL(filePath: files[2]))
        // A test that runs into its time limit must not wait for the program.
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                process.terminationHandler = { process in
                    continuation.resume(
                        returning: Command(status: process.terminationStatus, output: text(files[1]), errors: text(files[2]))
                    )
                }
                do {
                    try process.run()
                } catch {
                    process.terminationHandler = nil
                    continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            process.terminate()
        }
    }

    private static func text(_ path: String) -> String {
        String(decoding: (try? Data(contentsOf: URL(filePath: path))) ?? Data(), as: UTF8.self)
    }
}
