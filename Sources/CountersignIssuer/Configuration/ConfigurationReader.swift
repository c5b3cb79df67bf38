internal import CountersignCrypto
internal import CountersignTLS

/// Turns a document into a configuration, reporting every fault on the way.
struct ConfigurationReader {
    let problems: ProblemList
    /// Where relative paths start.
    let directory: String
    /// Of the file's bytes.
    let digest: SHA256Digest

    /// - Returns: `nil`, with the reasons reported, when something needed is missing or wrong. Something may also be reported
    ///   when there is a result.
    func read(_ root: YAMLNode) -> IssuerConfiguration? {
        let known = [
            "issuer", "listen", "operations", "trustDomain", "tls", "keys", "tokens", "clients", "limits", "services", "admins",
        ]
        guard let file = MappingReader(root, path: "", keys: known, problems: problems) else {
            return nil
        }
        let issuer = issuer(file)
        let listen = file.node("listen") == nil ? nil : address(file, "listen")
        if file.node("listen") == nil {
            file.reportMissing("listen")
        }
        let operations = address(file, "operations")
        if let listen, let operations, operations.value.collides(with: listen.value) {
            problems.report(line: operations.line, "operations needs a port of its own: listen has \(listen.value)")
        }
        let trustDomain = trustDomain(file)
        let tls = tls(file)
        let tokens = TokenBounds(reading: file)
        let ring = keys(file, tokens: tokens)
        let limits = limits(file)
        let policy = PolicyReader(problems: problems, trustDomain: trustDomain, maximumLifetime: tokens.maximumLifetime)
            .read(file, issuer: issuer?.value, lifetime: tokens.lifetime)
        guard let issuer, let listen, let tls, let ring, let policy else {
            return nil
        }
        return IssuerConfiguration(
            file: problems.file, digest: digest, issuer: issuer.value, listen: listen.value, operations: operations?.value,
            trustDomain: trustDomain, tls: tls, keys: ring, limits: limits, policy: policy, warnings: warnings(file, policy),
            lines: lines(file)
        )
    }
}

extension ConfigurationReader {
    private func issuer(_ file: MappingReader) -> Located<HTTPSAddress>? {
        guard let text = file.requiredText("issuer") else {
            return nil
        }
        do {
            return Located(value: try HTTPSAddress(text.value), line: text.line)
        } catch {
            problems.report(line: text.line, "issuer \(error.message)")
            return nil
        }
    }

    private func address(_ file: MappingReader, _ key: String) -> Located<ListenAddress>? {
        file.value(key, expected: ListenAddress.form, ListenAddress.init)
    }

    private func trustDomain(_ file: MappingReader) -> String? {
        file.value("trustDomain", expected: "a SPIFFE trust domain: lower-case letters, digits, dots, hyphens, underscores") {
            text in
            (try? SPIFFEID("spiffe://\(text)/x"))?.trustDomain == text ? text : nil
        }?.value
    }

    private func tls(_ file: MappingReader) -> IssuerConfiguration.TLS? {
        let keys = ["certificate", "privateKey", "clientCA", "crl"]
        guard file.node("tls") != nil else {
            file.reportMissing("tls")
            return nil
        }
        guard let tls = file.mapping("tls", keys: keys) else {
            return nil
        }
        let certificate = requiredSource(tls, "certificate")
        let privateKey = requiredSource(tls, "privateKey")
        let clientCA = requiredSource(tls, "clientCA")
        let crl = source(tls, "crl")
        guard let certificate, let privateKey, let clientCA, tls.node("crl") == nil || crl != nil else {
            return nil
        }
        return IssuerConfiguration.TLS(certificate: certificate, privateKey: privateKey, clientCA: clientCA, crl: crl)
    }

    private func requiredSource(_ tls: MappingReader, _ key: String) -> PEMSource? {
        guard tls.node(key) != nil else {
            tls.reportMissing(key)
            return nil
        }
        return source(tls, key)
    }

    private func source(_ tls: MappingReader, _ key: String) -> PEMSource? {
        tls.value(key, expected: "a path or env:NAME") { text in
            switch PEMSource(text) {
            case .environment(let name) where !Self.isVariableName(name): nil
            case .file(let path) where path.utf8.contains(0): nil
            case let source: source.relative(to: directory)
            }
        }?.value
    }

    private static func isVariableName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default:
                    false
                }
            }
    }

    private static let keyRingKeys = [
        "directory", "announceFor", "rotateEvery", "receiverWindow", "statusMaxAge", "statusPoll", "retired", "passphrase",
    ]

    private func keys(_ file: MappingReader, tokens: TokenBounds) -> IssuerConfiguration.Keys? {
        guard file.node("keys") != nil else {
            file.reportMissing("keys")
            return nil
        }
        guard let keys = file.mapping("keys", keys: Self.keyRingKeys) else {
            return nil
        }
        let directory = keys.requiredText("directory").map { PEMSource.file($0.value).relative(to: self.directory).description }
        let announceFor = keys.duration("announceFor", in: 1...30 * 86_400) ?? 600
        let rotateEvery = keys.duration("rotateEvery", in: 0...ConfigurationSyntax.longestDuration) ?? 30 * 86_400
        let receiverWindow = keys.duration("receiverWindow", in: 0...365 * 86_400)
        let statusMaxAge = keys.duration("statusMaxAge", in: 10...86_400) ?? KeyRingParameters.standardStatusMaxAge
        let statusPoll = keys.duration("statusPoll", in: 1...43_200)
        let retired = keys.value("retired", expected: "destroy or keep") { ["destroy": false, "keep": true][$0] }
        let passphrase = keys.text("passphrase").map { PassphraseSource($0.value).relative(to: self.directory) }
        do {
            let parameters = try KeyRingParameters(
                announceFor: announceFor,
                retireAfter: KeyRingParameters.retireAfter(longestTokenLifetime: tokens.maximumLifetime),
                rotateEvery: rotateEvery,
                receiverWindow: receiverWindow ?? KeyRingParameters.standardReceiverWindow,
                statusMaxAge: statusMaxAge,
                statusPoll: statusPoll ?? min(KeyRingParameters.standardStatusPoll, statusMaxAge / 2),
                keepsRetiredKeys: retired?.value ?? false
            )
            return directory.map { .init(directory: $0, passphrase: passphrase, parameters: parameters) }
        } catch {
            problems.report(
                line: keys.line(of: error.message.hasPrefix("status") ? "statusPoll" : "rotateEvery"), "keys: \(error.message)")
            return nil
        }
    }

    /// Reports what is wrong and goes on with the default in its place.
    private func limits(_ file: MappingReader) -> IssuerConfiguration.Limits {
        var limits = IssuerConfiguration.Limits()
        let section = file.mapping("limits", keys: ["connections", "connectionsPerAddress", "requestsInProgress"])
        guard let section else { return limits }
        limits.connections = section.number("connections", in: 1...1_000_000) ?? limits.connections
        limits.connectionsPerAddress =
            section.number("connectionsPerAddress", in: 0...1_000_000) ?? limits.connectionsPerAddress
        limits.requestsInProgress = section.number("requestsInProgress", in: 1...100_000) ?? limits.requestsInProgress
        return limits
    }

    private func warnings(_ file: MappingReader, _ policy: IssuancePolicy) -> [ConfigurationProblem] {
        var warnings: [ConfigurationProblem] = []
        if policy.directory.services.isEmpty {
            warnings.append(
                ConfigurationProblem(
                    file: problems.file, line: file.line(of: "services"), message: "no services: nobody will get a token"
                )
            )
        }
        return warnings
    }

    private func lines(_ file: MappingReader) -> [String: Int] {
        var lines: [String: Int] = [:]
        for key in ["issuer", "listen", "operations", "trustDomain"] {
            lines[key] = file.node(key)?.line
        }
        for (section, keys) in [
            ("tls", ["certificate", "privateKey", "clientCA", "crl"]), ("keys", ["directory", "passphrase"]),
        ] {
            guard case .mapping(let members, _) = file.node(section) else {
                continue
            }
            for member in members where keys.contains(member.name) {
                lines["\(section).\(member.name)"] = member.line
            }
        }
        return lines
    }
}

/// The section `tokens`; durations in seconds.
struct TokenBounds {
    /// No token may live longer, whatever the file says: one hour.
    static let ceiling: Int64 = 3600

    let lifetime: Int64
    let maximumLifetime: Int64

    /// Reports what is wrong and goes on with the default in its place.
    init(reading file: MappingReader) {
        let tokens = file.mapping("tokens", keys: ["lifetime", "maxLifetime"])
        let lifetime = tokens?.duration("lifetime", in: 1...Self.ceiling)
        let maximum = tokens?.duration("maxLifetime", in: 1...Self.ceiling)
        maximumLifetime = maximum ?? max(900, lifetime ?? 0)
        self.lifetime = lifetime ?? min(300, maximumLifetime)
        if let tokens, self.lifetime > maximumLifetime {
            tokens.problems.report(
                line: tokens.line(of: "lifetime"),
                "tokens.lifetime must not be more than tokens.maxLifetime "
                    + "(\(ConfigurationSyntax.text(ofDuration: maximumLifetime)))"
            )
        }
    }
}

extension MappingReader {
    func number(_ key: String, in range: ClosedRange<Int64>) -> Int? {
        guard
            let number = value(key, expected: "a whole number", { ConfigurationSyntax.decimal($0.utf8, digits: 1...18) })
        else {
            return nil
        }
        guard range.contains(number.value) else {
            problems.report(
                line: number.line, "\(name(key)) must be between \(range.lowerBound) and \(range.upperBound)")
            return nil
        }
        return Int(number.value)
    }

    /// A duration in seconds.
    func duration(_ key: String, in range: ClosedRange<Int64>) -> Int64? {
        guard
            let duration = value(key, expected: "a duration such as 90s, 5m, 12h or 30d", ConfigurationSyntax.duration)
        else {
            return nil
        }
        guard range.contains(duration.value) else {
            problems.report(
                line: duration.line,
                "\(name(key)) must be between \(ConfigurationSyntax.text(ofDuration: range.lowerBound)) and "
                    + "\(ConfigurationSyntax.text(ofDuration: range.upperBound))"
            )
            return nil
        }
        return duration.value
    }
}
