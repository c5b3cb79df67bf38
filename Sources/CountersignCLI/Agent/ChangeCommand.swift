import CountersignTLS
import Foundation
import Logging

/// A program that is told of a new token. It is run as it is named: no shell sees its arguments.
struct ChangeCommand: Sendable {
    /// The program, by path or by a name to look for on the PATH, and its arguments. Not empty.
    let arguments: [String]
    /// Variables of our environment that hold secrets of ours.
    let hiding: Set<String>
    let logger: Logger

    static let timeout = Duration.seconds(60)

    /// Runs it to its end, and kills it when it takes longer than ``timeout``. Its failure is logged and changes nothing. When
    /// the agent stops in the meantime, the program goes on alone.
    ///
    /// The program sees `COUNTERSIGN_AUDIENCE` and `COUNTERSIGN_FILE` in its environment, and never the token, the agent's key
    /// or the key's passphrase.
    func run(audience: String, file: String?) async {
        var environment = ProcessInfo.processInfo.environment.filter { !hiding.contains($0.key) }
        environment["COUNTERSIGN_AUDIENCE"] = audience
        environment["COUNTERSIGN_FILE"] = file.map { URL(fileURLWithPath: $0).path }
        let name = arguments.first ?? ""
        let child: ChildProcess
        do {
            child = try ChildProcess.start(arguments, environment: environment)
        } catch {
            return logger.error(
                "the command cannot be run", metadata: ["command": "\(name)", "error": "\(ErrorWords.reason(error))"])
        }
        guard let code = await end(of: child) else { return }
        guard code == 0 else {
            return logger.error(
                "the command failed", metadata: ["command": "\(name)", "audience": "\(audience)", "exit_code": "\(code)"])
        }
        logger.info("the command was run", metadata: ["command": "\(name)", "audience": "\(audience)"])
    }

    /// - Returns: `nil` when we are to stop before it does.
    private func end(of child: ChildProcess) async -> Int32? {
        let deadline = ContinuousClock.now + Self.timeout
        var isKilled = false
        while true {
            if let code = child.exitCode() { return code }
            if !isKilled, ContinuousClock.now > deadline {
                child.kill()
                isKilled = true
            }
            guard (try? await Task.sleep(for: .milliseconds(20))) != nil else { return nil }
        }
    }
}

extension TLSFiles {
    /// The environment variables that the key or its passphrase comes from.
    var secretVariables: Set<String> {
        Set([privateKey, privateKeyPassphrase].compactMap { if case .environment(let name)? = $0 { name } else { nil } })
    }
}
