import ArgumentParser
import CountersignJOSE
import Foundation

/// `countersign token ...`: one token, by hand.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Fetches, shows and verifies tokens.",
        discussion: """
            EXAMPLE
              countersign token fetch --issuer https://localhost:8443 \\
                --cert certs/user-svc/cert.pem --key certs/user-svc/key.pem \\
                --ca certs/ca.pem --audience search-svc
            """,
        subcommands: [TokenFetchCommand.self, TokenInspectCommand.self, TokenVerifyCommand.self]
    )
}

/// A token given on the command line or on standard input.
struct TokenArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("The token; '-' or nothing reads it from standard input.", valueName: "token"))
    var token: String = "-"

    /// The token's bytes, without the white space around it.
    ///
    /// - Throws: `CommandFailure` when there is none, or more than a token.
    func read() throws -> [UInt8] {
        let bytes: [UInt8]
        if token == "-" {
            let limit = CompactJWS.defaultMaxBytes + 1024
            do {
                bytes = [UInt8](try FileHandle.standardInput.read(upToCount: limit + 1) ?? Data())
            } catch {
                throw CommandFailure.usage("standard input cannot be read", hint: "give the token as an argument")
            }
            guard bytes.count <= limit else {
                throw CommandFailure.usage(
                    "standard input is longer than \(limit) bytes",
                    hint: "give it one token, which has at most \(CompactJWS.defaultMaxBytes) bytes")
            }
        } else {
            bytes = Array(token.utf8)
        }
        let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0d).contains(byte) }
        let trimmed = Array(bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
        guard !trimmed.isEmpty else {
            throw CommandFailure.usage("there is no token to read", hint: "give it as an argument or on standard input")
        }
        return trimmed
    }
}
