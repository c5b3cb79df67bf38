import ArgumentParser
import CountersignCrypto
import CountersignJOSE
import CountersignJSON

/// `countersign pki verify`: the path validation that issuer and receivers use, for a certificate in a file.
struct PKIVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Says whether a certificate leads to a trusted authority, and what it says about its holder.",
        discussion: """
            Decides by the same code as the issuer and the receivers. Without --crl revocation is not checked; with it, every \
            authority in the path needs a current list. A refusal prints the reason code on standard output, the reason in \
            words on standard error, and exits with 1.

            EXAMPLE
              countersign pki verify certs/user-svc/cert.pem --ca certs/ca.pem \\
                --crl certs/crl.pem --purpose client
            """
    )

    @Argument(help: ArgumentHelp("The certificate as PEM, followed by its chain; - for standard input.", valueName: "cert"))
    var certificate: String

    @Option(help: ArgumentHelp("The authorities to trust (PEM).", valueName: "file"))
    var ca: String

    @Option(help: ArgumentHelp("The revocation lists (PEM).", valueName: "file"))
    var crl: String?

    @Option(help: ArgumentHelp("What the certificate is used for: client or server.", valueName: "purpose"))
    var purpose = ChoiceArgument(PathValidator.Purpose.client)

    @Option(
        help: ArgumentHelp("The moment to decide for, instead of now: \(TimeArgument.form).", valueName: "time"),
        transform: TimeArgument.init)
    var at: TimeArgument?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let chain = try CertificateFile.certificates(certificate)
        guard let leaf = chain.first else { throw CommandFailure.configuration("\(certificate) holds no certificate") }
        let validator: PathValidator
        do {
            validator = try PathValidator(
                anchors: try CertificateFile.certificates(ca), revocationLists: try crl.map(CertificateFile.revocationLists)
            )
        } catch let error as CryptoError {
            throw CommandFailure.configuration("\([ca, crl].compactMap(\.self).joined(separator: ", ")): \(error.message)")
        }
        let result = validator.validate(
            leaf, intermediates: Array(chain.dropFirst()), purpose: purpose.value, at: at?.timestamp ?? .now()
        )
        switch result {
        case .success(let path):
            if json { try printJSON(Self.json(leaf, path)) } else { StandardOutput.write(table: Self.rows(leaf, path)) }
        case .failure(let failure):
            if json {
                try printJSON([
                    "valid": false, "reason": .string(failure.code.rawValue), "message": .string(failure.message),
                    "subject": .string("\(leaf.subject)"), "sha256": .string(leaf.sha256.hex),
                ])
            } else {
                StandardOutput.write(failure.code.rawValue)
            }
            throw CommandFailure.no(failure.description, hint: Self.hint(failure, certificate))
        }
    }

    private static func hint(_ failure: PathFailure, _ certificate: String) -> String? {
        switch failure.code {
        case .untrusted: "--ca must name the root, and \(certificate) must hold the intermediates after the certificate"
        case .revocationListMissing: "--crl must hold a list of every authority in the path"
        case .revocationListExpired: "countersign pki crl --dir certs signs a new list"
        default: nil
        }
    }

    private static func rows(_ leaf: Certificate, _ path: ValidatedPath) -> [[String]] {
        var rows = [["subject", "\(leaf.subject)"]]
        rows += leaf.subjectAlternativeNames.map { ["name", "\($0)"] }
        rows.append(["SPIFFE ID", leaf.spiffeID.map { "\($0)" } ?? "none"])
        rows.append(["serial", leaf.serialHex])
        rows.append(["SHA-256", leaf.sha256.hex])
        rows.append(["x5t#S256", Base64URL.encode(leaf.sha256.bytes)])
        rows.append(["valid", "\(leaf.notBefore) until \(leaf.notAfter)"])
        rows += path.certificates.dropFirst().map { ["issued by", "\($0.subject)"] }
        rows.append(["path valid", "until \(path.validUntil)"])
        rows.append(["revocation", path.revocationKnownUntil.map { "known until \($0)" } ?? "not checked"])
        return rows
    }

    private static func json(_ leaf: Certificate, _ path: ValidatedPath) -> JSONObject {
        [
            "valid": true,
            "subject": .string("\(leaf.subject)"),
            "names": .array(leaf.subjectAlternativeNames.map { .string("\($0)") }),
            "spiffeID": leaf.spiffeID.map { .string("\($0)") } ?? .null,
            "serial": .string(leaf.serialHex),
            "sha256": .string(leaf.sha256.hex),
            "x5t#S256": .string(Base64URL.encode(leaf.sha256.bytes)),
            "notBefore": .string("\(leaf.notBefore)"),
            "notAfter": .string("\(leaf.notAfter)"),
            "path": .array(path.certificates.map { .string("\($0.subject)") }),
            "pathValidUntil": .string("\(path.validUntil)"),
            "revocationKnownUntil": path.revocationKnownUntil.map { .string("\($0)") } ?? .null,
        ]
    }
}
