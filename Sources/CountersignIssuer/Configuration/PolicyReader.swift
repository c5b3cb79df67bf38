internal import Countersign
internal import CountersignCrypto

/// Reads the sections `services`, `admins` and `clients` into a policy.
struct PolicyReader {
    let problems: ProblemList
    let trustDomain: String?
    let maximumLifetime: Int64

    /// - Returns: `nil`, with the reasons reported, when the policy is not usable.
    func read(_ file: MappingReader, issuer: HTTPSAddress?, lifetime: Int64) -> IssuancePolicy? {
        let clients = file.mapping("clients", keys: ["requiredSubjectFields"] + Self.rateKeys)
        let rate = clients.flatMap { tokenRate($0, general: nil) }
        let fields =
            clients?.node("requiredSubjectFields") == nil ? nil : clients?.texts("requiredSubjectFields")?.compactMap(field)
        let admins = (file.list("admins") ?? []).enumerated().compactMap { index, node in
            MappingReader(node, path: "admins[\(index)]", keys: Self.criteriaKeys, problems: problems).flatMap(criteria)
        }
        guard file.node("services") != nil else {
            file.reportMissing("services")
            return nil
        }
        var services: [ServiceEntry] = []
        for (index, node) in (file.list("services") ?? []).enumerated() {
            if let service = service(node, index: index, rate: rate) {
                services.append(service)
            }
        }
        guard let directory = directory(services), let issuer else {
            return nil
        }
        return IssuancePolicy(
            issuer: issuer.text, lifetime: lifetime, maximumLifetime: maximumLifetime,
            requiredSubjectFields: fields ?? [.commonName, .organization], directory: directory, admins: admins
        )
    }
}

extension PolicyReader {
    private static let criteriaKeys = ["subject", "spiffeID", "dns"]
    private static let rateKeys = ["tokensPerSecond", "tokensBurst"]
    private static let serviceKeys = ["id", "subject", "spiffeID", "dns", "audiences"] + rateKeys

    private func field(_ text: Located<String>) -> DistinguishedName.AttributeType? {
        guard let type = DistinguishedName.AttributeType(shortName: text.value) else {
            problems.report(
                line: text.line,
                "clients.requiredSubjectFields: \(LogText.quoted(text.value)) is no known field such as CN, O or OU"
            )
            return nil
        }
        return type
    }

    private func directory(_ services: [ServiceEntry]) -> ServiceDirectory? {
        do {
            return try ServiceDirectory(services)
        } catch {
            for conflict in error.conflicts {
                let first = services[conflict.first].line.map { "; the first is on line \($0)" } ?? ""
                problems.report(line: services[conflict.second].line, conflict.message + first)
            }
            return nil
        }
    }

    /// What an entry says of its rate, or else the general rate. A burst without a rate of its own goes with the general one.
    private func tokenRate(_ entry: MappingReader, general: TokenRate?) -> TokenRate? {
        let perSecond = entry.number("tokensPerSecond", in: 0...100_000)
        let burst = entry.number("tokensBurst", in: 1...1_000_000)
        if entry.node("tokensPerSecond") == nil {
            if entry.node("tokensBurst") != nil, general == nil {
                problems.report(
                    line: entry.line(of: "tokensBurst"),
                    "\(entry.name("tokensBurst")) needs tokensPerSecond beside it or in clients")
            }
            return general.map { TokenRate(perSecond: $0.perSecond, burst: burst ?? $0.burst) }
        }
        // 0 lifts the general bound.
        guard let perSecond, perSecond > 0 else {
            if perSecond == 0, entry.node("tokensBurst") != nil {
                problems.report(
                    line: entry.line(of: "tokensBurst"), "\(entry.name("tokensBurst")) has no meaning without a rate")
            }
            return nil
        }
        return TokenRate(perSecond: perSecond, burst: burst ?? perSecond)
    }

    private func service(_ node: YAMLNode, index: Int, rate general: TokenRate?) -> ServiceEntry? {
        guard let service = MappingReader(node, path: "services[\(index)]", keys: Self.serviceKeys, problems: problems) else {
            return nil
        }
        if service.node("id") == nil {
            service.reportMissing("id")
        }
        let id = service.value("id", expected: "1 to 128 letters, digits, dots, hyphens or underscores") {
            ConfigurationSyntax.isServiceID($0) ? $0 : nil
        }
        let criteria = criteria(service)
        let audiences = (service.members("audiences") ?? []).compactMap(audience)
        let rate = tokenRate(service, general: general)
        guard let id, let criteria else {
            return nil
        }
        return ServiceEntry(id: id.value, criteria: criteria, audiences: audiences, rate: rate, line: service.line)
    }

    private func criteria(_ entry: MappingReader) -> CallerCriteria? {
        let subject = subject(entry)
        let spiffeID = spiffeID(entry)
        let name = entry.value("dns", expected: "a host name without wildcard") { CallerCriteria(dnsName: $0)?.dnsName }
        let given = Self.criteriaKeys.filter { entry.node($0) != nil }
        guard !given.isEmpty else {
            entry.problems.report(line: entry.line, "\(entry.path) needs a subject, a spiffeID or a dns name")
            return nil
        }
        let read = (subject == nil ? 0 : 1) + (spiffeID == nil ? 0 : 1) + (name == nil ? 0 : 1)
        guard read == given.count else {
            return nil
        }
        return CallerCriteria(subject: subject, spiffeID: spiffeID, dnsName: name?.value)
    }

    private func subject(_ entry: MappingReader) -> DistinguishedName? {
        guard let text = entry.text("subject") else {
            return nil
        }
        let subject: DistinguishedName
        do {
            subject = try DistinguishedName(rfc4514: text.value)
        } catch {
            problems.report(line: text.line, "\(entry.name("subject")): \(LogText.escaped(error.message))")
            return nil
        }
        do {
            try CertificateIdentity.checkSubject(subject)
        } catch {
            problems.report(line: text.line, "\(entry.name("subject")) fits no certificate: \(error.message)")
            return nil
        }
        return subject
    }

    private func spiffeID(_ entry: MappingReader) -> SPIFFEID? {
        guard let text = entry.text("spiffeID") else {
            return nil
        }
        let id: SPIFFEID
        do {
            id = try SPIFFEID(text.value)
        } catch {
            problems.report(line: text.line, "\(entry.name("spiffeID")): \(LogText.escaped(error.message))")
            return nil
        }
        if let trustDomain, id.trustDomain != trustDomain {
            problems.report(line: text.line, "\(entry.name("spiffeID")) is not in the trustDomain \(trustDomain)")
            return nil
        }
        return id
    }

    private func audience(_ member: YAMLNode.Member) -> AudienceGrant? {
        let name = member.name
        guard ConfigurationSyntax.isAudience(name) else {
            problems.report(
                line: member.line,
                "audience \(LogText.quoted(name)) must be 1 to 256 printable ASCII characters without spaces and quotes"
            )
            return nil
        }
        guard
            let grant = MappingReader(
                member.value, path: "audience \(name)", line: member.line, keys: ["roles", "scopes", "lifetime"],
                problems: problems)
        else {
            return nil
        }
        let roles = names(grant, "roles")
        let scopes = names(grant, "scopes")
        let lifetime = grant.duration("lifetime", in: 1...maximumLifetime)
        return AudienceGrant(audience: name, roles: roles, scopes: scopes, lifetime: lifetime)
    }

    private func names(_ grant: MappingReader, _ key: String) -> [String] {
        guard grant.node(key) != nil else {
            return []
        }
        return (grant.texts(key) ?? []).compactMap { text in
            guard ConfigurationSyntax.isScopeToken(text.value) else {
                problems.report(
                    line: text.line,
                    "\(grant.name(key)): \(LogText.quoted(text.value)) must be 1 to 128 printable ASCII characters without "
                        + "spaces, quotes and backslashes (RFC 6749, section 3.3)"
                )
                return nil
            }
            return text.value
        }
    }
}
