import ArgumentParser
import CountersignCrypto
import CountersignIssuer
import CountersignJSON

/// `countersign deny ...`: services, certificates and keys of certificates that get no tokens, and whose tokens are refused.
struct DenyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deny",
        abstract: "Denies services, certificates and keys of certificates, at the issuer and at every receiver.",
        discussion: """
            Works on the key directory, or with --issuer on a running issuer. What is denied gets no token, and receivers that \
            fetch the status refuse its tokens within the time the command prints.

            EXAMPLE
              countersign deny add --service user-svc --keys keys --reason "host compromised"
              countersign deny list --keys keys
              countersign deny remove --service user-svc --keys keys
            """,
        subcommands: [Add.self, List.self, Remove.self]
    )
}

extension DenyCommand {
    struct Subject: ParsableArguments {
        @Option(help: ArgumentHelp("A service, as it is named in tokens.", valueName: "id"))
        var service: String?

        @Option(help: ArgumentHelp("A certificate, by its serial number in hexadecimal.", valueName: "hex"))
        var serial: String?

        @Option(
            name: .customLong("public-key"),
            help: ArgumentHelp("All certificates for a key, by the SHA-256 of its SubjectPublicKeyInfo.", valueName: "hex")
        )
        var publicKey: String?

        @Option(help: ArgumentHelp("All certificates for the key of this certificate (PEM).", valueName: "file"))
        var certificate: String?

        func validate() throws {
            guard [service, serial, publicKey, certificate].compactMap(\.self).count == 1 else {
                throw ValidationError("give exactly one of --service, --serial, --public-key and --certificate")
            }
        }

        func read() async throws -> KeyRing.Denial.Subject {
            if let certificate {
                guard let leaf = try CertificateFile.certificates(certificate).first else {
                    throw CommandFailure.configuration("\(certificate) holds no certificate")
                }
                return .publicKey(leaf.publicKey.sha256)
            }
            return try await answering { () throws(KeyRingError) in
                if let service { return try .init(kind: "service", value: service) }
                if let serial { return try .init(kind: "serial", value: serial) }
                return try .init(kind: "key", value: publicKey ?? "")
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Denies a service, a certificate, or every certificate for a key.",
            discussion: """
                EXAMPLE
                  countersign deny add --service user-svc --before now --keys keys
                  countersign deny add --certificate certs/user-svc/cert.pem --keys keys
                """
        )

        @OptionGroup var subject: Subject
        @OptionGroup var target: AdminTarget

        @Option(
            help: ArgumentHelp(
                "With --service: refuse only tokens that were issued before; the service goes on getting new ones. A time that is not in the future, or now.",
                valueName: "time"
            )
        )
        var before: String?

        @Option(help: ArgumentHelp("Why, for the history of the ring and the log.", valueName: "text"))
        var reason: String?

        @Flag(help: "Print JSON.")
        var json = false

        func validate() throws {
            guard before == nil || subject.service != nil else {
                throw ValidationError("--before is for --service")
            }
            guard before == nil || before == "now" || before.flatMap({ Timestamp(text: $0) }) != nil else {
                throw ValidationError("--before is \(before ?? ""); it must be a time in RFC 3339, seconds since 1970, or now")
            }
        }

        func run() async throws {
            let notBefore = before == "now" ? Timestamp.now() : before.flatMap { Timestamp(text: $0) }
            let report = try await target.perform(.deny(try await subject.read(), notBefore: notBefore), reason: reason)
            AdminWords.writeWarnings(report)
            if json {
                return try printJSON(report)
            }
            let limit = notBefore.map { ", for tokens issued before \($0)" } ?? ""
            StandardOutput.write("denied the \(report.string("kind") ?? "") \(report.string("value") ?? "")\(limit)")
            AdminWords.writeBound(report)
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes a denial back.",
            discussion: """
                EXAMPLE
                  countersign deny remove --service user-svc --keys keys
                """
        )

        @OptionGroup var subject: Subject
        @OptionGroup var target: AdminTarget

        @Option(help: ArgumentHelp("Why, for the history of the ring and the log.", valueName: "text"))
        var reason: String?

        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let report = try await target.perform(.allow(try await subject.read()), reason: reason)
            if json {
                return try printJSON(report)
            }
            StandardOutput.write("the \(report.string("kind") ?? "") \(report.string("value") ?? "") is no longer denied")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what is denied, and which receivers know.",
            discussion: """
                EXAMPLE
                  countersign deny list --keys keys
                """
        )

        @OptionGroup var target: AdminTarget

        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let report = try await target.perform(.listDenied)
            if json {
                return try printJSON(report)
            }
            let rows = (report.array("denied") ?? []).compactMap(\.object).map { denial in
                ["kind", "value", "since"].map { denial.string($0) ?? "" } + [denial.string("notBefore") ?? "all"]
            }
            StandardOutput.write(table: [["KIND", "VALUE", "SINCE", "TOKENS BEFORE"]] + rows)
            AdminWords.writeBound(report)
        }
    }
}
