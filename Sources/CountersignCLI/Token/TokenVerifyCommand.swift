import ArgumentParser
import Countersign
import CountersignJSON

/// `countersign token verify`: the receivers' decision, offline, by the receivers' own code.
struct TokenVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Verifies a token together with the certificate of its holder, as a receiver would.",
        discussion: """
            Prints the verified caller as JSON, or the reason code on standard output, the reason in words on standard \
            error, and exits 1. Without --ca nobody vouches for the certificate; only its validity is checked. A receiver that \
            was told to require other fields of the subject than CN and O has its like in --required-subject-fields.

            EXAMPLE
              countersign token verify - --jwks jwks.json \\
                --issuer https://localhost:8443 --audience search-svc \\
                --certificate certs/user-svc/cert.pem --ca certs/ca.pem \\
                --crl certs/crl.pem
            """
    )

    @OptionGroup var argument: TokenArgument

    @Option(help: ArgumentHelp("The issuer's public keys.", valueName: "file"))
    var jwks: String

    @Option(help: ArgumentHelp("The issuer, exactly as in the token.", valueName: "url"))
    var issuer: String

    @Option(help: "The audience the receiver answers to.")
    var audience: String

    @Option(help: ArgumentHelp("The caller's certificate (PEM, with its chain).", valueName: "file"))
    var certificate: String

    @Option(help: ArgumentHelp("The authorities to trust (PEM).", valueName: "file"))
    var ca: String?

    @Option(help: ArgumentHelp("The revocation lists (PEM); every authority in the chain needs one.", valueName: "file"))
    var crl: String?

    @Option(
        help: ArgumentHelp(
            "A subject (RFC 4514) that may call; may be repeated. None: every trusted certificate.", valueName: "subject"))
    var allow: [String] = []

    @Option(
        help: ArgumentHelp(
            "The subject fields that the receiver requires, such as CN,O,OU, or none; CN,O unless given. Without --ca: none.",
            valueName: "fields"))
    var requiredSubjectFields: SubjectFieldsArgument?

    @Option(
        help: ArgumentHelp(
            "Which certificates of its service the token may come with: strict, same-key or same-subject.", valueName: "mode"))
    var binding = BindingMode.strict

    @Option(
        help: ArgumentHelp(
            "For same-subject: how long after the token its certificate's successor may begin, as \(DurationArgument.form) (default: 5m).",
            valueName: "duration"), transform: DurationArgument.init)
    var issuedWithin = DurationArgument(seconds: 300)

    @Option(
        help: ArgumentHelp(
            "For same-subject: by how much the authority dates certificates back, as \(DurationArgument.form) (default: 0).",
            valueName: "duration"), transform: DurationArgument.init)
    var backdating = DurationArgument(seconds: 0)

    @Option(
        help: ArgumentHelp(
            "How far iat and nbf may lie in the future, as \(DurationArgument.form) (default: 60s).", valueName: "duration"),
        transform: DurationArgument.init)
    var leeway = DurationArgument(seconds: 60)

    @Option(
        help: ArgumentHelp("Decide for this moment: \(TimeArgument.form).", valueName: "time"), transform: TimeArgument.init)
    var at: TimeArgument?

    @Flag(help: "Accepted for the sake of scripts: the caller is always printed as JSON.")
    var json = false

    @Flag(help: "Show the ordered checks and where they ended, on standard error.")
    var explain = false

    func validate() throws {
        guard crl == nil || ca != nil else { throw ValidationError("--crl needs --ca") }
        guard binding != .sameSubject || ca != nil else {
            throw ValidationError("--binding same-subject needs --ca: the authority must be the same")
        }
        guard (0...300).contains(leeway.seconds) else { throw ValidationError("--leeway must be between 0 and 300 s") }
    }

    func run() async throws {
        let authenticator = Authenticator(
            expecting: Expectations(issuer: issuer, audiences: [audience], leeway: leeway.seconds),
            trust: try trust(),
            callers: try callers(),
            keys: try keys(),
            binding: tokenBinding
        )
        let chain = try CertificateFile.certificates(certificate)
        guard let leaf = chain.first else { throw CommandFailure.configuration("\(certificate) holds no certificate") }
        let verdict = await authenticator.authenticate(
            peer: Peer(provedPossessionOf: leaf, intermediates: Array(chain.dropFirst())),
            authorization: ["Bearer \(String(decoding: try argument.read(), as: UTF8.self))"],
            at: at?.timestamp ?? .now()
        )
        if explain {
            for line in verdict.checks.flatMap(lines) { StandardError.write(line) }
        }
        switch verdict {
        case .accepted(let caller):
            StandardOutput.write(exact: String(decoding: try JSONWriter.bytes(.object(caller.json), pretty: true), as: UTF8.self))
        case .refused(let refusal):
            StandardOutput.write(refusal.reason.rawValue)
            throw CommandFailure.no(refusal.description, hint: hint(refusal))
        }
    }

    /// What became of a check, and what of it could not be made with these options.
    private func lines(_ check: Verdict.Check) -> [String] {
        let number = check.step.rawValue
        let result = { (words: String) in "\(number). \(check.outcome.rawValue): \(words)" }
        guard check.outcome != .notReached else { return [result(check.step.summary)] }
        switch check.step {
        case .chain where ca == nil:
            return [
                result("the certificate is valid now"),
                "\(number). not checked: whether the certificate leads to a trusted authority, which needs --ca",
                "\(number). not checked: whether the certificate is revoked, which needs --crl",
            ]
        case .chain where crl == nil:
            return [
                result("the certificate leads to a trusted authority and is valid now"),
                "\(number). not checked: whether the certificate is revoked, which needs --crl",
            ]
        case .revocation:
            let unknown = "revoked keys and denied services, certificates and keys"
            return ["\(number). not checked: \(unknown), which only the issuer's status knows"]
        default:
            return [result(check.step.summary)]
        }
    }

    private func trust() throws -> CertificateTrust {
        guard let ca else {
            StandardError.write("warning: without --ca nobody vouches for the certificate; only its validity is checked")
            return .insecureWithoutAuthorities
        }
        return .authorities(
            try PathValidator(
                anchors: CertificateFile.certificates(ca),
                revocationLists: crl.map(CertificateFile.revocationLists)
            )
        )
    }

    private var tokenBinding: TokenBinding {
        switch binding {
        case .strict: .strict
        case .sameKey: .sameKey
        case .sameSubject: .sameSubject(issuedWithin: issuedWithin.seconds, backdating: backdating.seconds)
        }
    }

    private func callers() throws -> CallerPolicy {
        if let fields = requiredSubjectFields?.fields {
            return CallerPolicy(rules: try rules(), requiredSubjectFields: fields)
        }
        // Where nobody vouches for the subject, nothing is gained from what stands in it.
        return ca == nil ? CallerPolicy(rules: try rules(), requiredSubjectFields: []) : CallerPolicy(rules: try rules())
    }

    private func hint(_ refusal: Refusal) -> String? {
        guard refusal.reason == .subjectIncomplete, ca != nil, requiredSubjectFields == nil else { return nil }
        return "if the receiver requires other fields than CN and O, name them with --required-subject-fields"
    }

    private func rules() throws -> [CallerRule] {
        if allow.isEmpty { return [.anyTrustedCertificate] }
        return try allow.map { text in
            do {
                return .subject(try DistinguishedName(rfc4514: text))
            } catch {
                throw CommandFailure.usage(
                    "--allow \(text): \(error)", hint: "write it like CN=user-svc.link.internal,O=Link Service")
            }
        }
    }

    private func keys() throws -> FixedKeySource {
        do {
            return FixedKeySource(try JWKSet(json: CertificateFile.bytes(jwks, maxBytes: JWKSet.maxBytes)))
        } catch let error as JOSEError {
            throw CommandFailure.configuration("\(jwks): \(error.message)", hint: "fetch it from ISSUER/.well-known/jwks.json")
        }
    }
}

/// `--required-subject-fields`: short names with commas between them, or `none`.
struct SubjectFieldsArgument: ExpressibleByArgument, Sendable {
    let fields: [DistinguishedName.AttributeType]

    init?(argument: String) {
        let names = argument == "none" ? [] : argument.split(separator: ",", omittingEmptySubsequences: false)
        let known = names.compactMap { DistinguishedName.AttributeType(shortName: String($0)) }
        guard known.count == names.count else { return nil }
        fields = known
    }
}

/// `--binding`.
enum BindingMode: String, ExpressibleByArgument, CaseIterable {
    case strict
    case sameKey = "same-key"
    case sameSubject = "same-subject"
}

extension VerifiedCaller {
    /// What was verified, for a script to read.
    var json: JSONObject {
        var object: JSONObject = [
            "verified": true,
            "service_id": .string(service),
            "subject": .string(subject.description),
            "spiffe_id": spiffeID.map { .string($0.description) } ?? .null,
            "certificate_sha256": .string(certificateSHA256.hex),
            "iss": .string(issuer),
            "aud": .string(audience),
            "roles": .array(roles.map { .string($0) }),
        ]
        if !scopes.isEmpty { object.append("scope", .string(scopes.joined(separator: " "))) }
        object.append("jti", .string(tokenID))
        object.append("kid", .string(keyID.rawValue))
        object.append("iat", .integer(issuedAt.secondsSince1970))
        object.append("exp", .integer(expiresAt.secondsSince1970))
        return object
    }
}
