import ArgumentParser
import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import CountersignJSON

/// `countersign keys export --public`
struct KeysExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Prints the public half of a key as PEM.",
        discussion: """
            For programs that do not read key sets. There is no export of private keys: they are the files of the directory.

            EXAMPLE
              countersign keys export NzbLsXh8 --public --keys keys > key.pub.pem
            """
    )

    @Argument(
        help: ArgumentHelp(
            "The key, or the first six or more characters of its kid; without it, the one that signs.", valueName: "kid"))
    var kid: String?

    @OptionGroup var directory: KeysDirectory

    @Flag(name: .customLong("public"), help: "Say that it is the public key that is wanted. Needed.")
    var isPublic = false

    @Flag(help: "Print the key as a JSON Web Key.")
    var json = false

    func validate() throws {
        guard isPublic else {
            throw ValidationError("say --public: private keys are not exported")
        }
    }

    func run() async throws {
        let jwk = try await answering { () throws(KeyRingError) in
            let ring = try await directory.store.load().ring
            return try kid.map { prefix throws(KeyRingError) in try ring.entry(matching: prefix).jwk } ?? ring.signing.jwk
        }
        if json {
            try printJSON(jwk.json)
        } else {
            let pem = try jwk.key.pem()
            StandardOutput.write(exact: String(pem.reversed().drop { $0 == "\n" }.reversed()))
        }
    }
}
