import ArgumentParser
import CountersignIssuer
import CountersignJOSE

/// `countersign keys jwks`
struct KeysJWKSCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jwks",
        abstract: "Prints the public key set.",
        discussion: """
            The same as the issuer publishes at /.well-known/jwks.json.

            EXAMPLE
              countersign keys jwks --keys keys > jwks.json
            """
    )

    @OptionGroup var directory: KeysDirectory

    @Flag(help: "Accepted for the sake of scripts: a key set is always JSON.")
    var json = false

    func run() async throws {
        let keySet = try await answering { () throws(KeyRingError) in
            try await directory.store.load().ring.keySet()
        }
        StandardOutput.write(exact: String(decoding: keySet.json, as: UTF8.self))
    }
}
