import ArgumentParser
import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import CountersignJSON

/// `countersign keys init`
struct KeysInitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Makes the first key, in a directory of its own.",
        discussion: """
            The directory gets mode 700, the private key mode 600. A directory that holds keys already is left alone. With \
            --passphrase the private key is encrypted; the issuer then needs the same in `keys.passphrase`.

            EXAMPLE
              countersign keys init --keys keys --bits 3072
            """
    )

    @OptionGroup var directory: KeysDirectory

    @Option(help: ArgumentHelp("The size of the key: 2048, 3072 or 4096 bits. Rotation keeps it.", valueName: "bits"))
    var bits = 2048

    @Option(help: ArgumentHelp("Why, for the history of the ring.", valueName: "text"))
    var reason: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard [2048, 3072, 4096].contains(bits) else {
            throw ValidationError("--bits is \(bits); it must be 2048, 3072 or 4096")
        }
    }

    func run() async throws {
        let stored = try await answering { () throws(KeyRingError) in
            try await directory.store.initialise(bitCount: bits, by: .commandLine(reason), at: .now())
        }
        let kid = stored.ring.signing.jwk.kid.rawValue
        if json {
            try printJSON(["kid": .string(kid), "state": "signing", "keys": .string(directory.path)])
        } else {
            StandardOutput.write("made \(kid), which signs, in \(directory.store.location)")
        }
    }
}
