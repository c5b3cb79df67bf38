import ArgumentParser
import CountersignCrypto
import CountersignJSON
import CountersignPKI

/// `countersign pki issue`: a service's certificate and key.
struct PKIIssueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue",
        abstract: "Issues a certificate with a new key for a service.",
        discussion: """
            Writes DIR/SERVICE/cert.pem, with the chain but the root, and DIR/SERVICE/key.pem. The certificate is good for both \
            ends of a connection and never outlives its issuers. What was there before is kept in DIR/SERVICE/backup and stays \
            valid until it ends or is revoked.

            EXAMPLE
              countersign pki issue user-svc --dir certs --days 30 --dns localhost \\
                --ip 127.0.0.1
            """
    )

    @Argument(help: ArgumentHelp("The service: lower-case letters, digits and hyphens.", valueName: "service"))
    var service: String

    @OptionGroup var directory: PKIDirectoryOption

    @Option(help: "How many days it is to be valid.")
    var days: Int64 = 90

    @Option(
        name: .customLong("dns"), help: ArgumentHelp("A DNS name besides the service's own; may be repeated.", valueName: "name"))
    var dnsNames: [String] = []

    @Option(
        name: .customLong("ip"),
        help: ArgumentHelp("An IPv4 or IPv6 address, as \(AddressArgument.form); may be repeated.", valueName: "addr"),
        transform: AddressArgument.init)
    var addresses: [AddressArgument] = []

    @Option(help: ArgumentHelp("The kind of its key.", valueName: "kind"))
    var key = ChoiceArgument(KeyKind.ecP256)

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let issued = try CommandFailure.answering { () throws(PKIError) in
            try CertificateAuthority.open(directory.path).issue(
                service, days: days, dnsNames: dnsNames, addresses: addresses.map(\.name), keyKind: key.value, at: .now()
            )
        }
        if json {
            try printJSON([
                "subject": .string("\(issued.certificate.subject)"),
                "serial": .string(issued.certificate.serialHex),
                "notBefore": .string("\(issued.certificate.notBefore)"),
                "notAfter": .string("\(issued.certificate.notAfter)"),
                "names": .array(issued.certificate.subjectAlternativeNames.map { .string("\($0)") }),
                "certificate": .string(issued.certificateFile),
                "privateKey": .string(issued.keyFile),
                "backups": .array(issued.backups.map { .string($0) }),
            ])
        } else {
            StandardOutput.write("issued \(issued.certificate.subject), valid until \(issued.certificate.notAfter)")
            StandardOutput.write("wrote \(issued.certificateFile) and \(issued.keyFile)")
            for backup in issued.backups { StandardOutput.write("kept \(backup)") }
        }
        if issued.isShortened {
            StandardError.write("warning: it ends with its issuer, before the \(days) days that were asked for")
        }
    }
}

/// An IPv4 or IPv6 address.
struct AddressArgument: Sendable {
    static let form = "192.0.2.1 or 2001:db8::1"

    let name: SubjectAlternativeName

    init(_ text: String) throws {
        guard let name = SubjectAlternativeName(address: text) else {
            throw ValidationError("an address is written as \(Self.form)")
        }
        self.name = name
    }
}
