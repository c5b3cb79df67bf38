import ArgumentParser
import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import CountersignJSON
import CountersignTLS

/// `countersign policy ...`: what the issuer's policy means.
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Explains the issuer's policy.",
        discussion: """
            EXAMPLE
              countersign policy explain certs/user-svc/cert.pem \\
                --config countersign.yaml
            """,
        subcommands: [Explain.self]
    )
}

extension PolicyCommand {
    struct Explain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says which service a certificate is and which token it would get, or why it gets none.",
            discussion: """
                Decides by the issuer's own code, without a running issuer and without private keys. Who is denied is read \
                from the key directory of the configuration, where that can be read. Without --audience, every audience that \
                is granted is shown. Exits with 1 when the answer is no.

                EXAMPLE
                  countersign policy explain certs/user-svc/cert.pem \\
                    --config countersign.yaml --audience search-svc
                """
        )

        @Argument(help: "The certificate as PEM, followed by its chain.")
        var certificate: String

        @Option(help: ArgumentHelp("The configuration file.", valueName: "file"))
        var config: String

        @Option(help: "The audience to ask for.")
        var audience: String?

        @Option(
            help: ArgumentHelp("The moment to decide for, instead of now: \(TimeArgument.form).", valueName: "time"),
            transform: TimeArgument.init)
        var at: TimeArgument?

        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let configuration = try ConfigurationFile.load(config)
            let chain = try CertificateFile.certificates(certificate)
            guard let leaf = chain.first else {
                throw CommandFailure.configuration("\(certificate) holds no certificate")
            }
            let trust = try Self.trust(configuration)
            let ring = await Self.ring(configuration)
            let explanation = PolicyExplanation(
                of: leaf, intermediates: Array(chain.dropFirst()), audience: audience, under: configuration, trust: trust,
                ring: ring, at: at?.timestamp ?? .now()
            )
            if json {
                var object = try Self.json(explanation, leaf)
                object.append("denialsKnown", .bool(ring != nil))
                let text = try JSONWriter.bytes(.object(object), pretty: true)
                StandardOutput.write(exact: String(decoding: text, as: UTF8.self))
            } else {
                StandardOutput.write(table: Self.rows(explanation, leaf, configuration))
            }
            if let refusal = explanation.refusal {
                throw CommandFailure.no("\(refusal)", hint: Self.hint(refusal))
            }
        }

        private static func trust(_ configuration: IssuerConfiguration) throws -> PathValidator {
            do {
                return try configuration.clientTrust()
            } catch let error as TLSError {
                throw CommandFailure.configuration(error.message, hint: error.hint)
            } catch let error as CryptoError {
                throw CommandFailure.configuration("\(configuration.tls.clientCA): \(error.message)")
            }
        }

        /// Says who is denied. The policy can be explained without it, also by those who may not read it.
        private static func ring(_ configuration: IssuerConfiguration) async -> KeyRing? {
            do {
                return try await configuration.keys.store.load(unless: nil)?.ring
            } catch {
                StandardError.write("warning: who is denied is not known here, so that nobody is: \(error.message)")
                return nil
            }
        }

        private static func hint(_ refusal: TokenRefusal) -> String? {
            switch refusal.reason.rawValue {
            case "service-unknown": "compare the names above with subject, spiffeID and dns of the services in the configuration"
            case "audience-not-granted": "leave out --audience to see what is granted"
            default: nil
            }
        }
    }
}

extension PolicyExplanation {
    /// The first reason why the answer is no. Tokens that were not asked for by name do not make it one.
    fileprivate var refusal: TokenRefusal? {
        if case .failure(let refusal) = caller {
            return refusal
        }
        let refusals = tokens.compactMap { _, decision in
            if case .failure(let refusal) = decision { refusal } else { nil }
        }
        return refusals.count == tokens.count ? refusals.first : nil
    }
}

// MARK: - Output

extension PolicyCommand.Explain {
    private static func rows(
        _ explanation: PolicyExplanation, _ leaf: Certificate, _ configuration: IssuerConfiguration
    ) -> [[String]] {
        var rows = [["subject", "\(leaf.subject)"]]
        rows += leaf.uris.map { ["URI", printable($0)] } + leaf.dnsNames.map { ["DNS name", printable($0)] }
        rows.append(["valid until", "\(leaf.notAfter)"])
        guard case .success(let caller) = explanation.caller else {
            return rows
        }
        let place = caller.service.line.map { " (\(configuration.file):\($0))" } ?? ""
        rows.append(["service", caller.service.id + place])
        for (audience, decision) in explanation.tokens {
            rows.append(["audience", printable(audience)])
            switch decision {
            case .success(let claims):
                rows.append(["  roles", claims.roles.isEmpty ? "none" : claims.roles.joined(separator: " ")])
                rows.append(["  scope", claims.scope.isEmpty ? "none" : claims.scope.joined(separator: " ")])
                rows.append(["  lifetime", "\(claims.expiresAt.seconds(since: claims.issuedAt)) s, until \(claims.expiresAt)"])
            case .failure(let refusal):
                rows.append(["  refused", "\(refusal)"])
            }
        }
        return rows
    }

    /// Text of the certificate or the command line without what could move the cursor.
    private static func printable(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    private static func json(_ explanation: PolicyExplanation, _ leaf: Certificate) throws -> JSONObject {
        var object: JSONObject = [
            "certificate": [
                "subject": .string("\(leaf.subject)"), "sha256": .string(leaf.sha256.hex),
                "notAfter": .string("\(leaf.notAfter)"),
            ]
        ]
        switch explanation.caller {
        case .success(let caller):
            object.append("service", .string(caller.service.id))
            object.append(
                "tokens",
                .array(
                    try explanation.tokens.map { audience, decision in
                        switch decision {
                        case .success(let claims):
                            ["audience": .string(audience), "claims": .object(try json(claims))]
                        case .failure(let refusal):
                            ["audience": .string(audience), "refusal": .object(json(refusal))]
                        }
                    }
                )
            )
        case .failure(let refusal):
            object.append("refusal", .object(json(refusal)))
        }
        return object
    }

    /// The claims as they would stand in the token, but for its own identifier.
    private static func json(_ claims: TokenClaims) throws -> JSONObject {
        let all = try JSONReader.parseObject(claims.json())
        return JSONObject(all.names.filter { $0 != "jti" }.compactMap { name in all[name].map { (name, $0) } })
    }

    private static func json(_ refusal: TokenRefusal) -> JSONObject {
        [
            "reason": .string(refusal.reason.rawValue), "error": .string(refusal.error.code.rawValue),
            "message": .string(refusal.message),
        ]
    }
}
