import ArgumentParser
import CountersignCrypto
import CountersignIssuer
import CountersignJSON

/// `countersign keys passphrase`
struct KeysPassphraseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "passphrase",
        abstract: "Encrypts the private keys, or changes their passphrase.",
        discussion: """
            Every private key of the ring is written anew under --new-passphrase. A ring that is encrypted needs --passphrase as well. \
            All are written before one takes the place of the old; cut off in between, the same command again finishes it. A \
            running issuer goes on with the keys it has; put the new passphrase into its `keys.passphrase` and restart it.

            EXAMPLE
              countersign keys passphrase --keys keys --passphrase old.txt --new-passphrase new.txt
            """
    )

    @OptionGroup var directory: KeysDirectory

    @Option(
        help: ArgumentHelp("Where the new passphrase is: env:NAME, credential:NAME (systemd) or a file.", valueName: "source"))
    var newPassphrase: String

    @Option(help: ArgumentHelp("Why, for the history of the ring.", valueName: "text"))
    var reason: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await answering { () throws(KeyRingError) in
            try await directory.store.changePassphrase(
                to: PassphraseSource(newPassphrase), by: .commandLine(reason), at: .now()
            )
        }
        if json {
            try printJSON(["keys": .string(directory.path), "passphrase": .string(newPassphrase)])
        } else {
            StandardOutput.write("the private keys in \(directory.path) are encrypted with \(newPassphrase)")
        }
    }
}
