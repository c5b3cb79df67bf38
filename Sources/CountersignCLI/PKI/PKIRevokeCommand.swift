import ArgumentParser
import CountersignCrypto
import CountersignJSON
import CountersignPKI

/// `countersign pki revoke`: certificates onto their issuers' lists.
struct PKIRevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Revokes a service's certificates, or one by its serial number, and signs the lists anew.",
        discussion: """
            Without --serial every certificate of the service that has not expired is revoked, the replaced ones too. A serial \
            number of which no file is left goes on the list all the same. Whoever checks certificates has to get the new \
            DIR/crl.pem.

            EXAMPLE
              countersign pki revoke user-svc --dir certs
              countersign pki revoke --serial 4f1c5ad0a2b94c9f8a0b6f0f5a6d7e8c --dir certs
            """
    )

    @Argument(help: ArgumentHelp("The service.", valueName: "service"))
    var service: String?

    @Option(help: ArgumentHelp("The serial number, as `pki status` prints it.", valueName: "hex"))
    var serial: String?

    @OptionGroup var directory: PKIDirectoryOption

    @OptionGroup var lists: PKIListValidityOption

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (service == nil) != (serial == nil) else {
            throw ValidationError("give a service or a --serial, one of the two")
        }
    }

    func run() async throws {
        let revoked = try CommandFailure.answering { () throws(PKIError) in
            let authority = try CertificateAuthority.open(directory.path)
            return if let serial {
                try authority.revoke(serial: serial, at: .now(), listsValidFor: lists.validFor.seconds)
            } else {
                try authority.revoke(service ?? "", at: .now(), listsValidFor: lists.validFor.seconds)
            }
        }
        if json {
            try printJSON(Self.json(revoked))
        } else {
            for entry in revoked.entries {
                let holder = entry.certificate.map { " of \($0.subject), valid until \($0.notAfter)" } ?? ""
                StandardOutput.write("\(entry.wasRevoked ? "was revoked before:" : "revoked") \(entry.serialHex)\(holder)")
            }
            let end = revoked.lists.map(\.nextUpdate).min().map { ", which holds until \($0)" } ?? ""
            StandardOutput.write("wrote \(revoked.file)\(end)")
        }
        StandardError.warn(of: revoked.unreadable)
        if revoked.entries.contains(where: { $0.certificate == nil }) {
            StandardError.write(
                "warning: no certificate with this number is in \(directory.path); it is on the list all the same")
        }
    }

    private static func json(_ revoked: CertificateAuthority.Revoked) -> JSONObject {
        [
            "certificates": .array(
                revoked.entries.map { entry in
                    .object([
                        "serial": .string(entry.serialHex),
                        "subject": entry.certificate.map { .string("\($0.subject)") } ?? .null,
                        "notBefore": entry.certificate.map { .string("\($0.notBefore)") } ?? .null,
                        "notAfter": entry.certificate.map { .string("\($0.notAfter)") } ?? .null,
                        "wasRevoked": .bool(entry.wasRevoked),
                    ])
                }
            ),
            "revocationLists": .lists(revoked.lists),
            "revocationListFile": .string(revoked.file),
        ]
    }
}

/// `countersign pki crl`: the lists signed anew.
struct PKIListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crl",
        abstract: "Signs the revocation lists anew, so that they hold from now on.",
        discussion: """
            A list that has ended refuses everybody, so run this well within the lists' life, for instance from a timer. The \
            list of an authority whose key is not in the directory stays as it is.

            EXAMPLE
              countersign pki crl --dir certs --valid-for 7d
            """
    )

    @OptionGroup var directory: PKIDirectoryOption

    @OptionGroup var validity: PKIListValidityOption

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let (file, renewed) = try CommandFailure.answering { () throws(PKIError) in
            let authority = try CertificateAuthority.open(directory.path)
            let renewed = try authority.renewRevocationLists(at: .now(), validFor: validity.validFor.seconds)
            return (authority.revocationListPath, renewed)
        }
        StandardError.warn(of: renewed.unreadable)
        for list in renewed.unsigned {
            StandardError.write(
                "warning: the list of \(list.issuer) was not signed anew, because the authority's key is not in \(directory.path); "
                    + "it holds until \(list.nextUpdate)")
        }
        if json {
            return try printJSON(["revocationLists": .lists(renewed.lists), "revocationListFile": .string(file)])
        }
        for list in renewed.lists {
            StandardOutput.write("\(list.issuer): \(list.revoked.count) revoked, holds until \(list.nextUpdate)")
        }
    }
}
