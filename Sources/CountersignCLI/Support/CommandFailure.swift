import CountersignTLS
import Foundation

/// Why a command stops without doing what was asked, in the words a person reads.
///
/// Printed on standard error as `error: what happened, on which file or address` and, where there is something to do,
/// a second line `hint: ...`. Messages never hold a key or a whole token.
struct CommandFailure: Error, Equatable {
    /// The process's exit status; the numbers are a contract (0 is "done").
    enum ExitCode: Int32 {
        /// The command ran and the answer is no: refused, expired, revoked, not verified.
        case no = 1
        /// Wrong usage (EX_USAGE).
        case usage = 64
        /// Anything else (EX_SOFTWARE).
        case software = 70
        /// Wrong configuration (EX_CONFIG).
        case configuration = 78
    }

    let exitCode: ExitCode
    let message: String
    let hint: String?

    /// The answer is no.
    static func no(_ message: String, hint: String? = nil) -> CommandFailure {
        CommandFailure(exitCode: .no, message: message, hint: hint)
    }

    /// The command was called wrongly in a way the argument parser cannot see.
    static func usage(_ message: String, hint: String? = nil) -> CommandFailure {
        CommandFailure(exitCode: .usage, message: message, hint: hint)
    }

    /// A configuration, certificate or key file is missing or wrong.
    static func configuration(_ message: String, hint: String? = nil) -> CommandFailure {
        CommandFailure(exitCode: .configuration, message: message, hint: hint)
    }

    /// Anything else.
    static func software(_ message: String, hint: String? = nil) -> CommandFailure {
        CommandFailure(exitCode: .software, message: message, hint: hint)
    }

    /// An error nobody turned into words closer to where it happened.
    static func unexpected(_ error: any Error) -> CommandFailure {
        CommandFailure(exitCode: .software, message: ErrorWords.reason(error), hint: nil)
    }

    /// Writes the one or two lines to standard error.
    func report() {
        StandardError.write("error: \(message)")
        if let hint {
            StandardError.write("hint: \(hint)")
        }
    }
}
