import ArgumentParser
import CountersignCrypto
import CountersignJSON
import CountersignPKI

/// `countersign pki status`: what there is and how long it lasts.
struct PKIStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows every certificate with its days left, and the revocation lists.",
        discussion: """
            Exits with 1 when a certificate that is not revoked has expired or has fewer days left than --alert-days, when one \
            cannot be read, was not issued here or by a revoked authority, or stands beside the key of another, or when a revocation list has ended. Needs no private key.

            EXAMPLE
              countersign pki status --dir certs --alert-days 14
            """
    )

    @OptionGroup var directory: PKIDirectoryOption

    @Option(help: ArgumentHelp("How many days before its end a certificate needs attention.", valueName: "days"))
    var alertDays: Int64 = 30

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (0...3650).contains(alertDays) else { throw ValidationError("--alert-days must be between 0 and 3650") }
    }

    func run() async throws {
        let status = try CommandFailure.answering { () throws(PKIError) in
            try CertificateAuthority.open(directory.path).status(at: .now(), alertDays: alertDays)
        }
        if json {
            try printJSON(Self.json(status))
        } else {
            StandardOutput.write(
                table: [["NAME", "STATE", "DAYS LEFT", "VALID UNTIL", "SERIAL"]]
                    + status.certificates.map { row in
                        [
                            row.name, row.state.rawValue, "\(row.daysLeft)", "\(row.certificate.notAfter)",
                            row.certificate.serialHex,
                        ]
                    }
                    + status.unreadable.map { [$0.service, "unreadable", "-", "-", "-"] }
            )
            for list in status.lists {
                StandardOutput.write(
                    "list of \(list.list.issuer): \(list.list.revoked.count) revoked, "
                        + "\(list.isExpired ? "ENDED at" : "holds until") \(list.list.nextUpdate)"
                )
            }
        }
        StandardError.warn(of: status.unreadable)
        if status.needsAttention { throw Self.alarm(status, directory.path) }
    }

    private static func alarm(_ status: CertificateAuthority.Status, _ path: String) -> CommandFailure {
        func names(_ states: CertificateAuthority.CertificateStatus.State...) -> [String] {
            status.certificates.filter { states.contains($0.state) }.map(\.name)
        }
        let unreadable = status.unreadable.map(\.service)
        if let service = unreadable.first {
            return .no(
                "cannot be read in \(path): \(unreadable.joined(separator: ", "))",
                hint:
                    "put the certificate back, or remove the file and let countersign pki issue \(service) --dir \(path) make another"
            )
        }
        let foreign = names(.notIssuedHere)
        if !foreign.isEmpty {
            return .no(
                "not issued by the authority in \(path): \(foreign.joined(separator: ", "))",
                hint: "a certificate of another authority, perhaps of the same name: ask who put it there"
            )
        }
        let orphans = names(.issuerRevoked)
        if !orphans.isEmpty {
            return .no(
                "refused everywhere, because their issuer in \(path) is revoked: \(orphans.joined(separator: ", "))",
                hint: "make another authority in another directory, and issue them there"
            )
        }
        let keyless = names(.otherKey)
        if let service = keyless.first {
            return .no(
                "key.pem is not the key of cert.pem in \(path): \(keyless.joined(separator: ", "))",
                hint: "countersign pki issue \(service) --dir \(path) makes both anew"
            )
        }
        let ending = names(.expiring, .expired)
        if ending.isEmpty {
            return .no("a revocation list in \(path) has ended", hint: "countersign pki crl --dir \(path) signs it anew")
        }
        return .no(
            "near its end or past it in \(path): \(ending.joined(separator: ", "))",
            hint: ending.first { $0 != "root" && $0 != "intermediate" }.map {
                "countersign pki issue \($0) --dir \(path) renews a service's certificate"
            } ?? "an authority cannot be renewed: make another one in another directory"
        )
    }

    private static func json(_ status: CertificateAuthority.Status) -> JSONObject {
        [
            "needsAttention": .bool(status.needsAttention),
            "certificates": .array(
                status.certificates.map { row in
                    .object([
                        "name": .string(row.name),
                        "file": .string(row.file),
                        "state": .string(row.state.rawValue),
                        "daysLeft": .integer(row.daysLeft),
                        "subject": .string("\(row.certificate.subject)"),
                        "serial": .string(row.certificate.serialHex),
                        "notBefore": .string("\(row.certificate.notBefore)"),
                        "notAfter": .string("\(row.certificate.notAfter)"),
                        "sha256": .string(row.certificate.sha256.hex),
                    ])
                }
            ),
            "unreadable": .array(
                status.unreadable.map {
                    .object(["name": .string($0.service), "file": .string($0.file), "message": .string($0.message)])
                }
            ),
            "revocationLists": .array(
                status.lists.map { row in
                    var list = row.list.json
                    list.append("expired", .bool(row.isExpired))
                    return .object(list)
                }
            ),
        ]
    }
}
