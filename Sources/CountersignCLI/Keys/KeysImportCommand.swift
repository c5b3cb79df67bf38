import ArgumentParser
import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import CountersignJSON
import CountersignTLS

/// `countersign keys import`
struct KeysImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Announces a key that was made elsewhere.",
        discussion: """
            The file is an RSA private key in PEM, 2048 to 8192 bits. The key is announced like one that `keys rotate` makes; in a \
            directory without keys it becomes the first and signs at once. Remove the file afterwards: the ring has a copy.

            EXAMPLE
              countersign keys import signing-key.pem --keys keys
            """
    )

    @Argument(help: ArgumentHelp("The private key (PEM, mode 600), or env:NAME.", valueName: "file"))
    var file: String

    @OptionGroup var directory: KeysDirectory

    @Option(help: ArgumentHelp("Where the passphrase of the file is, if it is encrypted.", valueName: "source"))
    var filePassphrase: String?

    @Option(help: ArgumentHelp("Why, for the history of the ring.", valueName: "text"))
    var reason: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let key = try readKey()
        let store = directory.store
        let author = KeyRing.Author.commandLine(reason)
        let stored = try await answering { () throws(KeyRingError) in
            do throws(KeyRingError) {
                return try await store.rotate(to: key, by: author, at: .now()).stored
            } catch let error where error.code == .notInitialised {
                return try await store.initialise(with: key, by: author, at: .now())
            }
        }
        let signsFrom = stored.ring.announced?.signsFrom
        let kid = (stored.ring.announced?.jwk ?? stored.ring.signing.jwk).kid.rawValue
        if json {
            try printJSON([
                "kid": .string(kid), "state": signsFrom == nil ? "signing" : "announced",
                "signsFrom": signsFrom.map { .string($0.description) } ?? .null,
            ])
        } else if let signsFrom {
            StandardOutput.write("announced \(kid), which signs from \(signsFrom)")
        } else {
            StandardOutput.write("imported \(kid), which signs, into \(store.location)")
        }
    }

    private func readKey() throws -> RSAPrivateKey {
        do {
            let pem = try PEMSource(file).readSecret()
            guard let filePassphrase else {
                return try pem.withBytes { bytes throws(CryptoError) in try RSAPrivateKey(pem: bytes) }
            }
            let secret = try PassphraseSource(filePassphrase).secret()
            return try secret.withBytes { secret throws(CryptoError) in
                try pem.withBytes { bytes throws(CryptoError) in try RSAPrivateKey(pem: bytes, passphrase: secret) }
            }
        } catch let error as TLSError {
            throw CommandFailure.configuration(error.message, hint: error.hint)
        } catch let error as KeyRingError {
            throw CommandFailure.configuration(error.message, hint: error.hint)
        } catch let error as CryptoError {
            throw CommandFailure.configuration(
                "\(file): \(error.message)",
                hint: "it must be an RSA private key in PEM; --file-passphrase opens an encrypted one"
            )
        }
    }
}
