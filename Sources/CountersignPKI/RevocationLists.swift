internal import CountersignCrypto

/// The lists in `crl.pem`, one of each authority: whoever checks a path needs a current list from every issuer in it.
struct RevocationLists: Sendable {
    private(set) var lists: [CertificateRevocationList]
    private let path: String

    /// Reads the lists, of which each authority must have one and have signed it: what is on a list is signed again, and what
    /// is not on it is no longer revoked.
    ///
    /// - Throws: ``PKIError`` with `malformed`.
    static func load(in folder: Folder, _ authorities: Authorities) throws(PKIError) -> RevocationLists {
        let name = CertificateAuthority.revocationListFile
        let path = folder.path(name)
        guard let pem = try folder.readReplaceable(name) else {
            throw PKIError(
                .malformed, "\(path) is not there, and it alone says which certificates are revoked",
                hint: "restore it from a backup"
            )
        }
        let lists = RevocationLists(
            lists: try PKIError.reading(path) { () throws(CryptoError) in try CertificateRevocationList.parsePEM(pem) },
            path: path
        )
        for authority in authorities.all where try !lists.list(of: authority).isSigned(by: authority.certificate) {
            throw PKIError(
                .malformed,
                "\(path): the list of \(authority.certificate.subject) is not signed by "
                    + "\(folder.path(authority.files.certificate)); it was changed, or is another authority's",
                hint: "restore it from a backup"
            )
        }
        return lists
    }

    /// The list of an authority.
    func list(of authority: Authority) throws(PKIError) -> CertificateRevocationList {
        let own = lists.filter { $0.issuer == authority.certificate.subject }
        guard let list = own.first, own.count == 1 else {
            throw PKIError(
                .malformed, "\(path) holds \(own.count) lists of \(authority.certificate.subject) and must hold one",
                hint: "restore it from a backup"
            )
        }
        return list
    }

    func revokes(_ certificate: Certificate, of authority: Authority) throws(PKIError) -> Bool {
        try list(of: authority).revoked.contains { $0.serialNumber == certificate.serialNumber }
    }

    /// Puts a newer list in the place of an authority's, with `added` on it.
    ///
    /// - Parameter forgotten: serial numbers that need not be on it any more.
    mutating func renew(
        _ authority: Authority,
        key: PrivateKey,
        adding added: [CertificateRevocationList.RevokedCertificate],
        forgetting forgotten: Set<[UInt8]>,
        at now: Timestamp,
        validFor seconds: Int64
    ) throws(PKIError) {
        let old = try list(of: authority)
        let new = try Self.issue(
            by: authority.certificate,
            key: key,
            revoked: old.revoked.filter { !forgotten.contains($0.serialNumber) } + added,
            number: (old.number ?? 0).addingReportingOverflow(1).partialValue,
            at: now,
            validFor: seconds
        )
        lists = lists.map { $0.issuer == old.issuer ? new : $0 }
    }

    func write(in folder: Folder) throws(PKIError) {
        try folder.write(Array(lists.map(\.pem).joined().utf8), to: CertificateAuthority.revocationListFile, mode: 0o644)
    }

    /// The empty list of a new authority.
    static func first(by certificate: Certificate, key: PrivateKey, at now: Timestamp) throws(PKIError)
        -> CertificateRevocationList
    {
        try issue(
            by: certificate, key: key, revoked: [], number: 1, at: now, validFor: CertificateAuthority.defaultListValidity
        )
    }

    private static func issue(
        by certificate: Certificate,
        key: PrivateKey,
        revoked: [CertificateRevocationList.RevokedCertificate],
        number: Int64,
        at now: Timestamp,
        validFor seconds: Int64
    ) throws(PKIError) -> CertificateRevocationList {
        try PKIError.issuing { () throws(CryptoError) in
            try CertificateRevocationList.issue(
                revoked: revoked,
                number: number,
                thisUpdate: now.adding(seconds: -CertificateAuthority.backdating),
                nextUpdate: now.adding(seconds: seconds),
                by: certificate,
                key: key
            )
        }
    }
}
