import ArgumentParser
import CountersignIssuer
import Foundation

/// The directory of a key ring, for what only its owner can do.
struct KeysDirectory: ParsableArguments {
    @Option(name: .customLong("keys"), help: ArgumentHelp("The directory of the keys.", valueName: "dir"))
    var path: String

    @Option(
        help: ArgumentHelp(
            "Where the passphrase of the private keys is: env:NAME, credential:NAME (systemd) or a file.", valueName: "source"
        )
    )
    var passphrase: String?

    var store: FileKeyRingStore { FileKeyRingStore(directory: path, passphrase: passphrase.map { PassphraseSource($0) }) }
}

extension KeyRing.Author {
    /// The user of this machine who runs the command, by number where there is no name, as in containers.
    static func commandLine(_ reason: String?) -> KeyRing.Author {
        let name = NSUserName()
        return KeyRing.Author("user \(name.isEmpty ? "\(geteuid())" : name)", reason: reason)
    }
}

/// Says in the words of the command line why something was not done with a ring.
func answering<Value>(_ work: () async throws(KeyRingError) -> Value) async throws(CommandFailure) -> Value {
    do {
        return try await work()
    } catch {
        throw CommandFailure(exitCode: .of(error.code.rawValue), message: error.message, hint: error.hint)
    }
}

extension CommandFailure.ExitCode {
    /// For the code of a ``KeyRingError``, also one that came from an issuer.
    static func of(_ code: String) -> CommandFailure.ExitCode {
        let no: [KeyRingError.Code] = [
            .rotationUnderWay, .receiversWaiting, .nothingAnnounced, .tooManyKeys, .tooManyDenials, .unknownKey, .ambiguousKey,
            .alreadyRevoked, .alreadyInitialised, .notDenied, .alreadyDenied, .duplicateKey,
        ]
        let configuration: [KeyRingError.Code] = [
            .notInitialised, .example, .malformed, .unsupportedVersion, .inconsistent, .parameters, .permissions,
            .privateKeyMissing, .privateKeyWrong, .passphrase, .unreadable,
        ]
        return switch code {
        case _ where no.contains { $0.rawValue == code }: .no
        case "not-an-admin", "certificate-denied": .no
        case KeyRingError.Code.prefixTooShort.rawValue, KeyRingError.Code.wrongDenial.rawValue: .usage
        case _ where configuration.contains { $0.rawValue == code }: .configuration
        default: .software
        }
    }
}
