public import CountersignCrypto

/// A small certificate authority in one directory: enough for a platform team's services, and nothing to run.
///
/// ```
/// certs/ca.pem  certs/ca-key.pem                        the root (644, 600)
/// certs/intermediate.pem  certs/intermediate-key.pem    the authority that issues, where there is one
/// certs/crl.pem                                         one revocation list of each authority
/// certs/SERVICE/cert.pem  certs/SERVICE/key.pem         a service's certificate with its chain (644), its key (600)
/// certs/SERVICE/backup/                                 what was replaced (700)
/// ```
///
/// There is no other state: the root's certificate names the organisation and the trust domain, the lists hold what is
/// revoked, the files hold what was issued. Every write replaces a whole file in one step, and writers wait for each other.
/// All functions block on the disk; the moment is a parameter.
///
/// ```swift
/// let authority = try CertificateAuthority.create(in: "certs", trustDomain: "link.internal", at: .now())
/// try authority.issue("user-svc", dnsNames: ["localhost"], at: .now())
/// try authority.revoke("user-svc", at: .now())
/// ```
public struct CertificateAuthority: Sendable {
    /// The directory.
    public let path: String
    let folder: Folder

    private init(path: String) {
        let trimmed = path.utf8.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        self.path = trimmed
        folder = Folder(path: trimmed)
    }

    /// By how much everything issued is dated back, for verifiers whose clocks are behind.
    static let backdating: Int64 = 300

    static let secondsPerDay: Int64 = 86_400
    static let rootDays: Int64 = 3650
    static let intermediateDays: Int64 = 1825

    /// What a common name may have (RFC 5280, appendix A.1).
    static let maxCommonName = 64

    /// The name of the file of the revocation lists.
    static let revocationListFile = "crl.pem"

    /// The file of the revocation lists.
    public var revocationListPath: String { folder.path(Self.revocationListFile) }

    /// How long a list says that it holds, unless told otherwise: a day.
    public static let defaultListValidity: Int64 = secondsPerDay
}

extension CertificateAuthority {
    /// The authority in a directory.
    ///
    /// - Throws: ``PKIError`` with `not-initialised` when there is none, `malformed` when its certificates cannot be read.
    public static func open(_ path: String) throws(PKIError) -> CertificateAuthority {
        let authority = CertificateAuthority(path: path)
        _ = try Authorities.load(in: authority.folder)
        return authority
    }

    /// Makes the root (ten years), the intermediate if one is named (five), and an empty revocation list of each.
    ///
    /// The root's certificate is written last: until it is there, there is no authority.
    ///
    /// - Parameters:
    ///   - path: the directory; it is made unless it is there.
    ///   - trustDomain: the end of the services' host names and the start of their SPIFFE IDs, such as `link.internal`.
    ///   - organization: the `O` of every subject, 1 to 64 characters.
    ///   - keyKind: the kind of the authorities' keys.
    ///   - intermediate: the common name of an authority between the root and the services; `nil` lets the root issue.
    /// - Throws: ``PKIError`` with `already-initialised` when any of the files is there, for nothing is ever overwritten;
    ///   `invalid-name`.
    public static func create(
        in path: String,
        trustDomain: String,
        organization: String = "Link Service",
        keyKind: KeyKind = .ecP256,
        intermediate: String? = nil,
        at now: Timestamp
    ) throws(PKIError) -> CertificateAuthority {
        let authority = CertificateAuthority(path: path)
        let domain = try TrustDomain(trustDomain)
        // The shortest name is one character and a full stop.
        guard domain.rawValue.utf8.count <= maxCommonName - 2 else {
            throw PKIError(
                .invalidName,
                "\(domain) leaves no room for a service's name before it in the \(maxCommonName) characters of a common name",
                hint: "choose a shorter trust domain, such as link.internal"
            )
        }
        let plan = Plan(
            trustDomain: domain, organization: organization, keyKind: keyKind, intermediate: intermediate
        )
        try authority.folder.create(mode: 0o755)
        try authority.writing { () throws(PKIError) in try authority.create(plan, at: now) }
        return authority
    }

    /// One of its own certificates: the root, or the intermediate that issues in its stead.
    public struct Issuer: Sendable {
        public let certificate: Certificate
        public let file: String
        public let keyFile: String
    }

    /// The root, then the intermediate if there is one.
    public func issuers() throws(PKIError) -> [Issuer] {
        try Authorities.load(in: folder).all.map {
            Issuer(certificate: $0.certificate, file: folder.path($0.files.certificate), keyFile: folder.path($0.files.key))
        }
    }
}

extension CertificateAuthority {
    /// Runs `work` as the only writer of the directory, after what a killed one left is removed.
    func writing<Result>(_ work: () throws(PKIError) -> Result) throws(PKIError) -> Result {
        try folder.locked { () throws(PKIError) in
            removeLeftovers()
            return try work()
        }
    }

    private func removeLeftovers() {
        folder.removeLeftovers()
        for name in (try? folder.names()) ?? [] where (try? ServiceName(name)) != nil && folder.isDirectory(name) {
            let home = folder.folder(name)
            home.removeLeftovers()
            if !home.isLink("backup") { home.folder("backup").removeLeftovers() }
        }
    }

    private struct Plan {
        let trustDomain: TrustDomain
        let organization: String
        let keyKind: KeyKind
        let intermediate: String?
    }

    private func create(_ plan: Plan, at now: Timestamp) throws(PKIError) {
        try refuseToOverwrite()
        let rootName = "\(plan.trustDomain) Root CA"
        let root = try PKIError.issuing { () throws(CryptoError) in
            try Pair.root(
                Self.template(
                    plan, rootName.utf8.count <= Self.maxCommonName ? rootName : "Root CA", pathLength: nil, Self.rootDays, now),
                plan.keyKind
            )
        }
        let intermediate: Pair? =
            if let name = plan.intermediate {
                try PKIError.issuing { () throws(CryptoError) in
                    try root.issue(Self.template(plan, name, pathLength: 0, Self.intermediateDays, now), plan.keyKind)
                }
            } else {
                nil
            }
        guard intermediate?.certificate.subject != root.certificate.subject else {
            throw PKIError(.invalidName, "the intermediate needs another name than the root's, \(rootName)")
        }
        try write(root, intermediate, at: now)
    }

    private func refuseToOverwrite() throws(PKIError) {
        let names = [Authority.Files.root, .intermediate].flatMap { [$0.certificate, $0.key] } + [Self.revocationListFile]
        guard let name = names.first(where: folder.isTaken) else { return }
        let isWhole = folder.exists(Authority.Files.root.certificate)
        throw PKIError(
            .alreadyInitialised, "\(folder.path(name)) is there already",
            hint: isWhole
                ? "countersign pki issue works with the authority in \(path); use another --dir for a new one"
                : "if it is from a `pki init` that was interrupted, remove it; use another --dir otherwise"
        )
    }

    private func write(_ root: Pair, _ intermediate: Pair?, at now: Timestamp) throws(PKIError) {
        let pairs: [(Authority.Files, Pair)] = (intermediate.map { [(.intermediate, $0)] } ?? []) + [(.root, root)]
        var lists = ""
        for (names, pair) in pairs.reversed() {
            lists += try RevocationLists.first(by: pair.certificate, key: pair.key, at: now).pem
            try folder.write(try pair.keyPEM(), to: names.key, mode: 0o600)
        }
        try folder.write(Array(lists.utf8), to: Self.revocationListFile, mode: 0o644)
        for (names, pair) in pairs {
            try folder.write(Array(pair.certificate.pem.utf8), to: names.certificate, mode: 0o644)
        }
    }

    private static func template(
        _ plan: Plan,
        _ name: String,
        pathLength: Int?,
        _ days: Int64,
        _ now: Timestamp
    ) -> CertificateTemplate {
        CertificateTemplate(
            subject: DistinguishedName([(.organization, plan.organization), (.commonName, name)]),
            subjectAlternativeNames: [.uri(plan.trustDomain.spiffeID)],
            role: .authority(pathLength: pathLength),
            notBefore: now.adding(seconds: -backdating),
            notAfter: now.adding(seconds: days * secondsPerDay)
        )
    }
}
