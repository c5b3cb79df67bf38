import Foundation
import Testing

/// What `curl` got.
struct CurlAnswer: Sendable {
    let exitCode: Int32
    let status: Int
    /// Names in lower case.
    let headers: [String: String]
    let body: String

    /// A member of the JSON body that is text.
    func text(_ name: String) -> String? {
        json?[name] as? String
    }

    func number(_ name: String) -> Int? {
        json?[name] as? Int
    }

    private var json: [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any]
    }
}

/// The outside opinion on our HTTP.
enum Curl {
    static func run(_ arguments: [String]) async throws -> CurlAnswer {
        let (exitCode, output) = try await Command.run(
            ["curl", "--silent", "--include", "--max-time", "20", "--noproxy", "*"] + arguments
        )
        let parts = output.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let lines = (parts.first ?? "").split(separator: "\r\n")
        let status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) } ?? 0
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let field = line.split(separator: ":", maxSplits: 1)
            if let name = field.first, field.count == 2, let value = field.last {
                headers[name.lowercased()] = value.trimmingCharacters(in: .whitespaces)
            }
        }
        return CurlAnswer(exitCode: exitCode, status: status, headers: headers, body: parts.count > 1 ? String(parts[1]) : "")
    }
}

enum Command {
    /// Runs a program and waits for its end on a thread where waiting is allowed.
    static func run(_ arguments: [String], input: String = "") async throws -> (exitCode: Int32, output: String) {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                let process = Process()
                let output = Pipe()
                let standardInput = Pipe()
                process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                process.arguments = arguments
                process.standardOutput = output
                process.standardError = FileHandle.nullDevice
                process.standardInput = standardInput
                do {
                    try process.run()
                    try standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8))
                    try standardInput.fileHandleForWriting.close()
                    let text = try output.fileHandleForReading.readToEnd() ?? Data()
                    process.waitUntilExit()
                    continuation.resume(returning: (process.terminationStatus, String(decoding: text, as: UTF8.self)))
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}
