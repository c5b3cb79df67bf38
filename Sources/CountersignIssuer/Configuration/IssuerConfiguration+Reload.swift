extension IssuerConfiguration {
    /// The keys of the file that differ from `old` and cannot change while the issuer runs.
    func changesThatNeedRestart(since old: IssuerConfiguration) -> [String] {
        var changes: [String] = []
        if issuer != old.issuer {
            changes.append("issuer")
        }
        if listen != old.listen {
            changes.append("listen")
        }
        if operations != old.operations {
            changes.append("operations")
        }
        if tls != old.tls {
            changes.append("tls")
        }
        if keys.directory != old.keys.directory {
            changes.append("keys.directory")
        }
        if keys.passphrase != old.keys.passphrase {
            changes.append("keys.passphrase")
        }
        if limits.connections != old.limits.connections {
            changes.append("limits.connections")
        }
        if limits.connectionsPerAddress != old.limits.connectionsPerAddress {
            changes.append("limits.connectionsPerAddress")
        }
        if limits.requestsInProgress != old.limits.requestsInProgress {
            changes.append("limits.requestsInProgress")
        }
        return changes
    }

    /// This configuration with the parts of `old` that cannot change while the issuer runs.
    ///
    /// The issuer's address is among them because it is the `iss` claim: every receiver has to learn of a change first.
    func keepingWhatNeedsRestart(of old: IssuerConfiguration) -> IssuerConfiguration {
        IssuerConfiguration(
            file: file, digest: digest, issuer: old.issuer, listen: old.listen, operations: old.operations,
            trustDomain: trustDomain,
            tls: old.tls,
            keys: Keys(
                directory: old.keys.directory, passphrase: old.keys.passphrase, parameters: keys.parameters),
            limits: old.limits,
            policy: IssuancePolicy(
                issuer: old.issuer.text, lifetime: policy.lifetime, maximumLifetime: policy.maximumLifetime,
                requiredSubjectFields: policy.requiredSubjectFields, directory: policy.directory, admins: policy.admins
            ),
            warnings: warnings, lines: lines
        )
    }
}
