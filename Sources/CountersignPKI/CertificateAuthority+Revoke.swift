public import CountersignCrypto

extension CertificateAuthority {
    /// What was revoked.
    public struct Revoked: Sendable {
        /// One certificate that is now on a list.
        public struct Entry: Sendable {
            /// Lower-case hexadecimal.
            public let serialHex: String
            /// `nil` when no file with this number is here.
            public let certificate: Certificate?
            /// It was on the list before.
            public let wasRevoked: Bool
        }

        public let entries: [Entry]
        /// The lists as they are now, the root's first. That of an authority whose key is kept elsewhere is the old one.
        public let lists: [CertificateRevocationList]
        /// The file of the lists.
        public let file: String
        /// What other services have that could not be read.
        public let unreadable: [UnreadableFile]
    }

    /// The lists after they were signed anew.
    public struct RenewedLists: Sendable {
        /// All of them, the root's first.
        public let lists: [CertificateRevocationList]
        /// Those that stayed as they were, because the key of their authority is kept elsewhere.
        public let unsigned: [CertificateRevocationList]
        /// What services have that could not be read. Nothing was forgotten for it.
        public let unreadable: [UnreadableFile]
    }

    /// Revokes every certificate of a service that has not expired, the replaced ones too, and signs the lists anew.
    ///
    /// Asking again is not an error.
    ///
    /// - Parameter seconds: how long the new lists hold.
    /// - Throws: ``PKIError`` with `unknown-certificate` when the service has none that could be revoked; `malformed` when
    ///   one of its certificates cannot be read, for that one would stay valid; `key-unavailable` when the issuer's key is
    ///   not here.
    @discardableResult
    public func revoke(
        _ service: String,
        at now: Timestamp,
        listsValidFor seconds: Int64 = defaultListValidity
    ) throws(PKIError) -> Revoked {
        try revoke(.service(try ServiceName(service)), at: now, listsValidFor: seconds)
    }

    /// Revokes one certificate by its number, whether its file is here or not, and signs the lists anew.
    ///
    /// A number of which no file is here goes on the list of the authority that issues, because a lost certificate is the
    /// one that must be revoked; ``Revoked/Entry/certificate`` is then `nil`. Asking again is not an error.
    ///
    /// - Parameters:
    ///   - serial: hexadecimal in either case, with or without colons.
    ///   - seconds: how long the new lists hold.
    /// - Throws: ``PKIError`` with `unknown-certificate` for the root's own number, and for that of a certificate that is here
    ///   and another authority issued; `key-unavailable` when the issuer's key is not here.
    @discardableResult
    public func revoke(
        serial: String,
        at now: Timestamp,
        listsValidFor seconds: Int64 = defaultListValidity
    ) throws(PKIError) -> Revoked {
        try revoke(.serial(try SerialNumber(serial)), at: now, listsValidFor: seconds)
    }

    private enum Selection {
        case service(ServiceName)
        case serial(SerialNumber)
    }

    private func revoke(_ selection: Selection, at now: Timestamp, listsValidFor seconds: Int64) throws(PKIError) -> Revoked {
        try writing { () throws(PKIError) in
            let inventory = try Inventory.load(in: folder, try Authorities.load(in: folder))
            var lists = try RevocationLists.load(in: folder, inventory.authorities)
            var entries: [Revoked.Entry] = []
            var additions: [Authority.Files: [CertificateRevocationList.RevokedCertificate]] = [:]
            for target in try targets(of: selection, in: inventory, at: now) {
                let list = try lists.list(of: target.authority)
                let known = list.revoked.map(\.serialNumber) + (additions[target.authority.files] ?? []).map(\.serialNumber)
                let wasRevoked = known.contains(target.serialNumber)
                if !wasRevoked {
                    additions[target.authority.files, default: []].append(
                        .init(serialNumber: target.serialNumber, revokedAt: now))
                }
                entries.append(
                    Revoked.Entry(
                        serialHex: Hexadecimal.text(target.serialNumber), certificate: target.certificate, wasRevoked: wasRevoked
                    )
                )
            }
            for authority in inventory.authorities.all where additions[authority.files] != nil {
                _ = try authority.requiredKey(in: folder)
            }
            try renew(&lists, inventory, adding: additions, at: now, validFor: seconds)
            return Revoked(
                entries: entries, lists: lists.lists, file: revocationListPath, unreadable: inventory.unreadable
            )
        }
    }

    /// Signs the lists anew, so that they hold from now on; nothing else about them changes.
    ///
    /// The list of an authority whose key is kept elsewhere stays as it is.
    ///
    /// - Parameter seconds: how long the new lists hold.
    /// - Throws: ``PKIError`` with `key-unavailable` when a list that stays has expired, or when no list could be signed; the
    ///   file is then as it was.
    @discardableResult
    public func renewRevocationLists(
        at now: Timestamp,
        validFor seconds: Int64 = defaultListValidity
    ) throws(PKIError) -> RenewedLists {
        try writing { () throws(PKIError) in
            let inventory = try Inventory.load(in: folder, try Authorities.load(in: folder))
            var lists = try RevocationLists.load(in: folder, inventory.authorities)
            let unsigned = try renew(&lists, inventory, adding: [:], at: now, validFor: seconds)
            guard unsigned.count < inventory.authorities.all.count else {
                throw PKIError(
                    .keyUnavailable, "\(path) holds the key of no authority, so that no list was signed anew",
                    hint: "put \(inventory.authorities.issuing.files.key) back, or run this where it is"
                )
            }
            return RenewedLists(lists: lists.lists, unsigned: unsigned, unreadable: inventory.unreadable)
        }
    }

    /// - Returns: The lists that could not be signed. Without any that could, nothing is written.
    @discardableResult
    private func renew(
        _ lists: inout RevocationLists,
        _ inventory: Inventory,
        adding additions: [Authority.Files: [CertificateRevocationList.RevokedCertificate]],
        at now: Timestamp,
        validFor seconds: Int64
    ) throws(PKIError) -> [CertificateRevocationList] {
        var unsigned: [CertificateRevocationList] = []
        guard seconds > 0 else { throw PKIError(.invalidName, "a list cannot hold for \(seconds) seconds") }
        for authority in inventory.authorities.all {
            guard let key = try authority.key(in: folder) else {
                let list = try lists.list(of: authority)
                guard list.nextUpdate > now else {
                    throw PKIError(
                        .keyUnavailable,
                        "the list of \(authority.certificate.subject) ended at \(list.nextUpdate), and "
                            + "\(folder.path(authority.files.key)) is not there to sign a new one",
                        hint: "put the key back for this command, and give the list a longer life with --valid-for"
                    )
                }
                unsigned.append(list)
                continue
            }
            // RFC 5280 3.3: an entry stays until a list that was issued after the certificate's end has held it.
            let previous = try lists.list(of: authority).thisUpdate
            let ended = inventory.services.filter {
                $0.certificate.notAfter < previous && $0.certificate.isIssued(by: authority.certificate)
            }
            try lists.renew(
                authority,
                key: key,
                adding: additions[authority.files] ?? [],
                forgetting: Set(ended.map(\.certificate.serialNumber)),
                at: now,
                validFor: seconds
            )
        }
        if unsigned.count < inventory.authorities.all.count { try lists.write(in: folder) }
        return unsigned
    }
}

extension CertificateAuthority {
    private struct Target {
        let serialNumber: [UInt8]
        let certificate: Certificate?
        let authority: Authority
    }

    private func targets(of selection: Selection, in inventory: Inventory, at now: Timestamp) throws(PKIError) -> [Target] {
        switch selection {
        case .service(let service):
            if let file = inventory.unreadable.first(where: { $0.service == service.rawValue }) {
                throw PKIError(
                    .malformed, file.message,
                    hint: "countersign pki revoke --serial HEX --dir \(path) revokes one certificate; move what cannot be read "
                        + "away to revoke the service's others"
                )
            }
            let targets = inventory.services.filter { $0.service == service && now < $0.certificate.notAfter }.compactMap {
                item in
                inventory.issuer(of: item.certificate).map {
                    Target(serialNumber: item.certificate.serialNumber, certificate: item.certificate, authority: $0)
                }
            }
            guard !targets.isEmpty else {
                throw PKIError(
                    .unknownCertificate, "\(path) holds no unexpired certificate of \(service) issued by this authority",
                    hint: "countersign pki status --dir \(path) shows what there is"
                )
            }
            return targets
        case .serial(let serial):
            guard serial.bytes != inventory.authorities.root.certificate.serialNumber else {
                throw PKIError(
                    .unknownCertificate, "\(serial) is the root's own number, and a root cannot be revoked",
                    hint: "take ca.pem out of every trust file instead"
                )
            }
            let certificates = (inventory.services.map(\.certificate) + inventory.authorities.chain).filter {
                $0.serialNumber == serial.bytes
            }
            for certificate in certificates {
                guard let authority = inventory.issuer(of: certificate) else { continue }
                return [Target(serialNumber: serial.bytes, certificate: certificate, authority: authority)]
            }
            if let file = inventory.services.first(where: { $0.certificate.serialNumber == serial.bytes })?.file {
                throw PKIError(
                    .unknownCertificate, "\(file) has this number, and this authority did not issue it",
                    hint: "revoke it where it was issued; to revoke a certificate of this authority with the same number, move "
                        + "the file away"
                )
            }
            return [Target(serialNumber: serial.bytes, certificate: nil, authority: inventory.authorities.issuing)]
        }
    }
}
