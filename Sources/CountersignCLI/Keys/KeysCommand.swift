import ArgumentParser

/// `countersign keys ...`: the signing keys of an issuer, as files in a directory or at a running issuer.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Makes, shows, rotates and revokes the keys an issuer signs with.",
        discussion: """
            Works on the directory that `keys.directory` names in the issuer's configuration, or with --issuer on a running \
            issuer, as one of its admins. An issuer that is running on the directory takes a change over within a second.

            EXAMPLE
              countersign keys init --keys keys
              countersign keys rotate --keys keys
              countersign keys list --issuer https://localhost:8443 \\
                --cert certs/admin/cert.pem --key certs/admin/key.pem --ca certs/ca.pem
            """,
        subcommands: [
            KeysInitCommand.self, KeysListCommand.self, KeysRotateCommand.self, KeysRevokeCommand.self,
            KeysImportCommand.self, KeysExportCommand.self, KeysJWKSCommand.self, KeysPassphraseCommand.self,
        ]
    )
}
