import ArgumentParser
import CountersignCrypto
import CountersignJSON
import CountersignPKI

/// `countersign pki init`: a new authority.
struct PKIInitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Makes a certificate authority: root, empty revocation list and, if asked for, an intermediate.",
        discussion: """
            The root is valid for ten years, an intermediate for five. Private keys get mode 600 and are not encrypted. Nothing \
            is ever overwritten. With an intermediate the root's key is needed for revocation lists only and may be kept \
            elsewhere between them.

            EXAMPLE
              countersign pki init --dir certs --trust-domain link.internal \\
                --organization "Link Service"
            """
    )

    @OptionGroup var directory: PKIDirectoryOption

    @Option(help: ArgumentHelp("The end of host names and the start of SPIFFE IDs.", valueName: "domain"))
    var trustDomain: String

    @Option(help: ArgumentHelp("The O of every subject.", valueName: "name"))
    var organization = "Link Service"

    @Option(help: ArgumentHelp("The kind of the authorities' keys.", valueName: "kind"))
    var key = ChoiceArgument(KeyKind.ecP256)

    @Option(
        help: ArgumentHelp("The common name of an intermediate authority that issues in the root's stead.", valueName: "name"))
    var intermediate: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let now = Timestamp.now()
        let (authority, issuers, lists) = try CommandFailure.answering { () throws(PKIError) in
            let authority = try CertificateAuthority.create(
                in: directory.path, trustDomain: trustDomain, organization: organization, keyKind: key.value,
                intermediate: intermediate, at: now
            )
            return (authority, try authority.issuers(), try authority.status(at: now).lists.map(\.list))
        }
        if json {
            return try printJSON([
                "authorities": .array(zip(["root", "intermediate"], issuers).map { .object(Self.json($0, $1)) }),
                "revocationLists": .lists(lists),
                "revocationListFile": .string(authority.revocationListPath),
            ])
        }
        for issuer in issuers {
            StandardOutput.write("made \(issuer.certificate.subject), valid until \(issuer.certificate.notAfter)")
            StandardOutput.write("wrote \(issuer.file) and \(issuer.keyFile)")
        }
        StandardOutput.write("wrote \(authority.revocationListPath), which holds for a day; countersign pki crl renews it")
    }

    private static func json(_ name: String, _ issuer: CertificateAuthority.Issuer) -> JSONObject {
        [
            "name": .string(name),
            "subject": .string("\(issuer.certificate.subject)"),
            "serial": .string(issuer.certificate.serialHex),
            "notBefore": .string("\(issuer.certificate.notBefore)"),
            "notAfter": .string("\(issuer.certificate.notAfter)"),
            "sha256": .string(issuer.certificate.sha256.hex),
            "certificate": .string(issuer.file),
            "privateKey": .string(issuer.keyFile),
        ]
    }
}
