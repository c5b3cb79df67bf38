import ArgumentParser
import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import CountersignJSON

/// `countersign config ...`: the issuer's configuration file.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Checks the issuer's configuration.",
        discussion: """
            EXAMPLE
              countersign config check countersign.yaml
            """,
        subcommands: [Check.self]
    )
}

extension ConfigCommand {
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says what is wrong with a configuration file, each fault with its line.",
            discussion: """
                Reads the certificates and keys that the file names, too, as the issuer does when it starts. Exits with 78 when \
                anything is wrong.

                EXAMPLE
                  countersign config check countersign.yaml
                """
        )

        @Argument(help: "The configuration file.")
        var file: String

        @Flag(help: "Check the text only, not the certificates and keys it names.")
        var noFiles = false

        @Option(
            help: ArgumentHelp("The moment to judge certificates at, instead of now: \(TimeArgument.form).", valueName: "time"),
            transform: TimeArgument.init)
        var at: TimeArgument?

        @Flag(help: "Print the summary as JSON.")
        var json = false

        func run() async throws {
            let configuration = try ConfigurationFile.load(file)
            for warning in configuration.warnings {
                StandardError.write("warning: \(warning)")
            }
            var rows = Self.summary(of: configuration)
            if !noFiles {
                let (files, problems) = await configuration.loadFiles(at: at?.timestamp ?? .now())
                guard let files else {
                    throw ConfigurationFile.failure(problems)
                }
                rows += Self.summary(of: files)
            }
            if json {
                try printJSON(JSONObject(rows.compactMap { row in row.count == 2 ? (row[0], .string(row[1])) : nil }))
            } else {
                StandardOutput.write("\(file) is right")
                StandardOutput.write(table: rows)
            }
        }

        private static func summary(of configuration: IssuerConfiguration) -> [[String]] {
            let policy = configuration.policy
            let callers = policy.directory.services.filter { !$0.audiences.isEmpty }.count
            return [
                ["issuer", configuration.issuer.text],
                ["listen", configuration.listen.description],
                ["operations", configuration.operations?.description ?? "not served"],
                ["services", "\(policy.directory.services.count), of which \(callers) may ask for tokens"],
                ["admins", "\(policy.admins.count)"],
                [
                    "revoked keys",
                    "dead at receivers that poll the status within \(AdminWords.duration(configuration.keys.parameters.deadEverywhereWithin)), "
                        + "within \(AdminWords.duration(configuration.keys.parameters.deadWhereReachedWithin)) where reached",
                ],
                ["tokens", "live \(policy.lifetime) s, \(policy.maximumLifetime) s at most"],
                ["rates", rates(of: policy.directory.services)],
                ["limits", limits(configuration.limits)],
                ["subject fields", policy.requiredSubjectFields.map(\.description).joined(separator: ", ")],
                ["revocation", configuration.tls.crl.map { "checked with \($0)" } ?? "not checked"],
            ]
        }

        private static func rates(of services: [ServiceEntry]) -> String {
            let rates = services.compactMap(\.rate)
            guard let least = rates.map(\.perSecond).min(), let most = rates.map(\.perSecond).max() else {
                return "not limited"
            }
            let range = least == most ? "\(most)" : "\(least) to \(most)"
            return "\(range) tokens a second for \(rates.count) of \(services.count) services"
        }

        private static func limits(_ limits: IssuerConfiguration.Limits) -> String {
            let perAddress = limits.connectionsPerAddress == 0 ? "any number" : "\(limits.connectionsPerAddress)"
            return "\(limits.connections) connections, \(perAddress) of one address, \(limits.requestsInProgress) requests in "
                + "progress for each core"
        }

        private static func summary(of files: IssuerFiles) -> [[String]] {
            [
                ["certificate", "\(files.certificate.subject), valid until \(files.certificate.notAfter)"],
                ["signing key", "\(files.keys.signing.jwk.kid)"],
            ]
        }
    }
}

/// The issuer's configuration file, with its faults told as the command line tells faults.
enum ConfigurationFile {
    /// - Throws: ``CommandFailure`` for the last fault, after the ones before it were written to standard error.
    static func load(_ file: String) throws -> IssuerConfiguration {
        do {
            return try IssuerConfiguration.load(contentsOf: file)
        } catch {
            throw failure(error.problems)
        }
    }

    /// Writes all faults but the last to standard error and makes a failure of that.
    static func failure(_ problems: [ConfigurationProblem]) -> CommandFailure {
        for problem in problems.dropLast() {
            StandardError.write("error: \(problem)")
        }
        return .configuration(problems.last.map { "\($0)" } ?? "the configuration is wrong")
    }
}
