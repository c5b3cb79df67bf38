public import CountersignCrypto

extension CertificateAuthority {
    /// What was issued.
    public struct Issued: Sendable {
        public let certificate: Certificate
        /// What stands after it in the file.
        public let chain: [Certificate]
        public let certificateFile: String
        public let keyFile: String
        /// Where the certificate and key that were there before are now.
        public let backups: [String]
        /// It ends earlier than asked because an issuer does.
        public let isShortened: Bool
    }

    /// Issues a certificate with a new key for a service, good for both ends of a connection.
    ///
    /// The subject is `CN=SERVICE.DOMAIN,O=ORGANIZATION`; the names are `SERVICE.DOMAIN`, `SERVICE`, `SERVICE.link.local`,
    /// `spiffe://DOMAIN/service/SERVICE` and those asked for. It begins five minutes ago. What was in the service's folder is
    /// kept in `backup/`; it stays valid until it is revoked or ends.
    ///
    /// - Parameters:
    ///   - service: one DNS label in lower case, such as `user-svc`; not `root` or `intermediate`, as the authorities are called.
    ///   - days: how long it is to be valid, 1 to 3650; never longer than its issuers.
    ///   - dnsNames: DNS names besides its own three.
    ///   - addresses: as ``SubjectAlternativeName/init(address:)`` reads them.
    /// - Throws: ``PKIError`` with `invalid-name`, `key-unavailable`, `authority-unfit`, `permissions` or `malformed`.
    @discardableResult
    public func issue(
        _ service: String,
        days: Int64 = 90,
        dnsNames: [String] = [],
        addresses: [SubjectAlternativeName] = [],
        keyKind: KeyKind = .ecP256,
        at now: Timestamp
    ) throws(PKIError) -> Issued {
        guard !AuthorityName.all.contains(service) else {
            throw PKIError(
                .invalidName, "'\(service)' is what an authority is called in countersign pki status",
                hint: "choose another name for the service"
            )
        }
        let request = Request(service: try ServiceName(service), names: dnsNames.map(SubjectAlternativeName.dns) + addresses)
        guard (1...3650).contains(days) else {
            throw PKIError(.invalidName, "a certificate cannot be valid for \(days) days", hint: "1 to 3650 are allowed")
        }
        for name in dnsNames { try HostName.check(name) }
        return try writing { () throws(PKIError) in
            let authorities = try Authorities.load(in: folder)
            let end = try endOfIssuers(authorities, at: now)
            let issuer = authorities.issuing
            let key = try issuer.requiredKey(in: folder)
            let asked = now.adding(seconds: days * Self.secondsPerDay)
            let template = try template(request, authorities, from: now.adding(seconds: -Self.backdating), until: min(asked, end))
            let pair = try PKIError.issuing { () throws(CryptoError) in
                try Pair(certificate: issuer.certificate, key: key).issue(template, keyKind)
            }
            let home = folder.folder(service)
            let backups = try backUp(home, at: now)
            let pem = ([pair.certificate] + authorities.chain).map(\.pem).joined()
            try home.write(try pair.keyPEM(), to: "key.pem", mode: 0o600)
            try home.write(Array(pem.utf8), to: "cert.pem", mode: 0o644)
            return Issued(
                certificate: pair.certificate,
                chain: authorities.chain,
                certificateFile: home.path("cert.pem"),
                keyFile: home.path("key.pem"),
                backups: backups,
                isShortened: asked > end
            )
        }
    }

    private struct Request {
        let service: ServiceName
        let names: [SubjectAlternativeName]
    }

    /// The moment the first of the issuers ends.
    private func endOfIssuers(_ authorities: Authorities, at now: Timestamp) throws(PKIError) -> Timestamp {
        for authority in authorities.all {
            let (file, certificate) = (folder.path(authority.files.certificate), authority.certificate)
            guard now >= certificate.notBefore else {
                throw PKIError(.authorityUnfit, "\(file) is not valid before \(certificate.notBefore)", hint: "check the clock")
            }
            guard now < certificate.notAfter else {
                throw PKIError(
                    .authorityUnfit, "\(file) expired at \(certificate.notAfter)",
                    hint: "make a new authority with countersign pki init in another directory"
                )
            }
        }
        if let intermediate = authorities.intermediate {
            let isRevoked = try RevocationLists.load(in: folder, authorities)
                .revokes(intermediate.certificate, of: authorities.root)
            guard !isRevoked else {
                throw PKIError(.authorityUnfit, "\(folder.path(intermediate.files.certificate)) is revoked")
            }
        }
        return authorities.all.map(\.certificate.notAfter).min() ?? now
    }

    private func template(
        _ request: Request,
        _ authorities: Authorities,
        from: Timestamp,
        until: Timestamp
    ) throws(PKIError) -> CertificateTemplate {
        let (service, domain) = (request.service.rawValue, try authorities.trustDomain().rawValue)
        let host = "\(service).\(domain)"
        guard host.utf8.count <= Self.maxCommonName else {
            throw PKIError(
                .invalidName, "\(host) is longer than the \(Self.maxCommonName) characters a common name may have",
                hint: "choose a shorter name for the service"
            )
        }
        var names: [SubjectAlternativeName] = [
            .dns(host), .dns(service), .dns("\(service).link.local"), .uri("spiffe://\(domain)/service/\(service)"),
        ]
        for name in request.names where !names.contains(name) {
            names.append(name)
        }
        return CertificateTemplate(
            subject: DistinguishedName(relativeDistinguishedNames: [
                .init([try authorities.organization()]),
                .init([.init(type: .commonName, value: Array(host.utf8))]),
            ]),
            subjectAlternativeNames: names,
            role: .service([.client, .server]),
            notBefore: authorities.all.map(\.certificate.notBefore).reduce(from, max),
            notAfter: until
        )
    }

    /// Copies what is in a service's folder to `backup/`, where nothing is ever overwritten. Makes the folder if need be.
    ///
    /// The folder may be the service's own, and whoever runs this may read more than the service: only what is a certificate
    /// becomes readable for everybody.
    private func backUp(_ home: Folder, at now: Timestamp) throws(PKIError) -> [String] {
        let certificate = try certificates(in: home).map { Array($0.map(\.pem).joined().utf8) }
        let key = try home.readReplaceable("key.pem")
        try home.refuseLink("backup")
        try home.create(mode: 0o755)
        guard certificate != nil || key != nil else { return [] }
        let backup = home.folder("backup")
        try backup.create(mode: 0o700)
        let taken = try backup.names()
        let stem = now.description.replacing("-", with: "").replacing(":", with: "")
        var prefix = stem
        var count = 1
        while taken.contains(where: { $0.hasPrefix(prefix + "-cert") || $0.hasPrefix(prefix + "-key") }) {
            count += 1
            prefix = "\(stem)-\(count)"
        }
        var paths: [String] = []
        for (name, bytes, mode) in [("cert.pem", certificate, 0o644), ("key.pem", key, 0o600)] as [(String, [UInt8]?, UInt32)] {
            guard let bytes else { continue }
            try backup.write(bytes, to: "\(prefix)-\(name)", mode: mode)
            paths.append(backup.path("\(prefix)-\(name)"))
        }
        return paths
    }

    /// What `cert.pem` of a service's folder holds; `nil` when it is not there.
    private func certificates(in home: Folder) throws(PKIError) -> [Certificate]? {
        guard let pem = try home.readReplaceable("cert.pem") else { return nil }
        do throws(CryptoError) {
            return try Certificate.parsePEM(pem)
        } catch {
            let path = home.path("cert.pem")
            throw PKIError(.malformed, "\(path): \(error.message)", hint: "remove \(path), and issue again")
        }
    }
}
