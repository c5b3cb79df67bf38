import ArgumentParser
import CountersignCrypto
import CountersignJSON
import CountersignPKI

/// `countersign pki ...`: a small certificate authority in a directory.
struct PKICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pki",
        abstract: "Keeps a small certificate authority in a directory, and checks certificates of any.",
        discussion: """
            EXAMPLE
              countersign pki init --dir certs --trust-domain link.internal
              countersign pki issue user-svc --dir certs
              countersign pki verify certs/user-svc/cert.pem --ca certs/ca.pem \\
                --crl certs/crl.pem
            """,
        subcommands: [
            PKIInitCommand.self, PKIIssueCommand.self, PKIRevokeCommand.self, PKIListCommand.self, PKIStatusCommand.self,
            PKIVerifyCommand.self,
        ]
    )
}

/// `--dir`: where the authority is.
struct PKIDirectoryOption: ParsableArguments {
    @Option(name: .customLong("dir"), help: ArgumentHelp("The directory of the authority.", valueName: "dir"))
    var path = "certs"

    func validate() throws {
        guard !path.isEmpty else { throw ValidationError("--dir is empty") }
    }
}

/// `--valid-for`: how long signed lists hold.
struct PKIListValidityOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How long the new lists hold, as \(DurationArgument.form) (default: 1d). Nobody gets in with a list that has ended: sign the next one before.",
            valueName: "duration"
        ),
        transform: DurationArgument.init
    )
    var validFor = DurationArgument(seconds: CertificateAuthority.defaultListValidity)

    func validate() throws {
        guard (60...366 * 86_400).contains(validFor.seconds) else {
            throw ValidationError("--valid-for must be between 60s and 366d")
        }
    }
}

/// One of the values of an enumeration, by its name.
struct ChoiceArgument<Value>: ExpressibleByArgument, Sendable
where Value: RawRepresentable<String> & CaseIterable & Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }

    init?(argument: String) {
        guard let value = Value(rawValue: argument) else { return nil }
        self.value = value
    }

    static var allValueStrings: [String] { Value.allCases.map(\.rawValue) }

    var defaultValueDescription: String { value.rawValue }
}

extension CommandFailure {
    /// Does `work` and says in the words of the command line why it was not done.
    static func answering<Value>(_ work: () throws(PKIError) -> Value) throws(CommandFailure) -> Value {
        do throws(PKIError) {
            return try work()
        } catch {
            throw CommandFailure(exitCode: exitCode(of: error.code), message: error.message, hint: error.hint)
        }
    }

    private static func exitCode(of code: PKIError.Code) -> ExitCode {
        switch code {
        case .invalidName: .usage
        case .alreadyInitialised, .unknownCertificate, .authorityUnfit: .no
        case .notInitialised, .malformed, .permissions, .keyUnavailable: .configuration
        default: .software
        }
    }
}

extension StandardError {
    /// Says which certificates could not be taken into account.
    static func warn(of unreadable: [CertificateAuthority.UnreadableFile]) {
        for file in unreadable { write("warning: \(file.message)") }
    }
}

/// Prints an object for a script.
func printJSON(_ object: JSONObject) throws {
    StandardOutput.write(exact: String(decoding: try JSONWriter.bytes(.object(object), pretty: true), as: UTF8.self))
}
