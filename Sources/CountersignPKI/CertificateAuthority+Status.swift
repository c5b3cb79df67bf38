public import CountersignCrypto

extension CertificateAuthority {
    /// What is in the directory, and what will not be good for much longer.
    public struct Status: Sendable {
        /// The root, the intermediate, then the services by name; what was replaced is left out.
        public let certificates: [CertificateStatus]
        public let lists: [ListStatus]
        /// Certificates in use that cannot be read.
        public let unreadable: [UnreadableFile]

        /// One of the certificates needs attention or cannot be read, or a list has ended.
        public var needsAttention: Bool {
            certificates.contains { $0.state.needsAttention } || !unreadable.isEmpty || lists.contains { $0.isExpired }
        }
    }

    /// A file that should hold a service's certificate.
    public struct UnreadableFile: Sendable {
        public let service: String
        public let file: String
        /// Why, with the name of the file, without a final stop.
        public let message: String
        /// It stands for the certificate in use, and not for one that was replaced.
        public let isCurrent: Bool
    }

    /// One certificate.
    public struct CertificateStatus: Sendable {
        public enum State: String, Sendable {
            case valid
            /// Inside the alert window.
            case expiring
            case expired
            case notYetValid = "not-yet-valid"
            case revoked
            /// None of the authorities here signed it.
            case notIssuedHere = "not-issued-here"
            /// Its issuer is revoked, and so nobody takes it.
            case issuerRevoked = "issuer-revoked"
            /// The private key beside it is that of another certificate.
            case otherKey = "other-key"

            /// Somebody has to do something.
            public var needsAttention: Bool {
                switch self {
                case .expiring, .expired, .notIssuedHere, .issuerRevoked, .otherKey: true
                case .valid, .notYetValid, .revoked: false
                }
            }
        }

        /// `root`, `intermediate` or the service's name.
        public let name: String
        public let file: String
        public let certificate: Certificate
        public let state: State
        /// Whole days until it ends; negative when it has.
        public let daysLeft: Int64
    }

    /// One authority's list.
    public struct ListStatus: Sendable {
        public let list: CertificateRevocationList
        public let isExpired: Bool
    }

    /// Looks at every certificate in use and at the lists. Reads only, and needs no private key; a
    /// service's is compared with its certificate where it may be read.
    ///
    /// - Parameter alertDays: how many days before its end a certificate counts as expiring.
    /// - Throws: ``PKIError`` with `not-initialised` or `malformed`, naming the authority's file.
    public func status(at now: Timestamp, alertDays: Int64 = 30) throws(PKIError) -> Status {
        let inventory = try Inventory.load(in: folder, try Authorities.load(in: folder))
        let lists = try RevocationLists.load(in: folder, inventory.authorities)
        var rows: [CertificateStatus] = []
        func add(_ name: String, _ file: String, _ certificate: Certificate, key: PrivateKey? = nil) throws(PKIError) {
            let standing = try standing(of: certificate, key: key, inventory, lists)
            rows.append(Self.status(name, file, certificate, standing, at: now, alertDays: alertDays))
        }
        let authorities = inventory.authorities
        try add(AuthorityName.root, folder.path(authorities.root.files.certificate), authorities.root.certificate)
        if let intermediate = authorities.intermediate {
            try add(AuthorityName.intermediate, folder.path(intermediate.files.certificate), intermediate.certificate)
        }
        for item in inventory.services where item.isCurrent {
            try add(
                item.service.rawValue, item.file, item.certificate, key: key(in: folder.folder(item.service.rawValue))
            )
        }
        return Status(
            certificates: rows,
            lists: lists.lists.map { ListStatus(list: $0, isExpired: now >= $0.nextUpdate) },
            unreadable: inventory.unreadable.filter(\.isCurrent)
        )
    }

    /// What the files here say of a certificate, whatever the time.
    private enum Standing {
        case good, revoked, notIssuedHere, issuerRevoked, otherKey
    }

    private func standing(
        of certificate: Certificate,
        key: PrivateKey?,
        _ inventory: Inventory,
        _ lists: RevocationLists
    ) throws(PKIError) -> Standing {
        guard let issuer = inventory.issuer(of: certificate) else { return .notIssuedHere }
        if try lists.revokes(certificate, of: issuer) { return .revoked }
        if issuer.files != inventory.authorities.root.files, let above = inventory.issuer(of: issuer.certificate),
            try lists.revokes(issuer.certificate, of: above)
        {
            return .issuerRevoked
        }
        return key?.matches(certificate) == false ? .otherKey : .good
    }

    /// A service's private key; `nil` when it is elsewhere, or not for whoever asks to read.
    private func key(in home: Folder) -> PrivateKey? {
        guard let pem = try? home.read("key.pem") else { return nil }
        return try? PrivateKey(pem: pem)
    }

    private static func status(
        _ name: String,
        _ file: String,
        _ certificate: Certificate,
        _ standing: Standing,
        at now: Timestamp,
        alertDays: Int64
    ) -> CertificateStatus {
        let secondsLeft = certificate.notAfter.seconds(since: now)
        let daysLeft = secondsLeft >= 0 ? secondsLeft / secondsPerDay : -1 - (-1 - secondsLeft) / secondsPerDay
        let state: CertificateStatus.State =
            if standing == .revoked {
                .revoked
            } else if standing == .notIssuedHere {
                .notIssuedHere
            } else if secondsLeft <= 0 {
                .expired
            } else if standing == .issuerRevoked {
                .issuerRevoked
            } else if standing == .otherKey {
                .otherKey
            } else if now < certificate.notBefore {
                .notYetValid
            } else if daysLeft < alertDays {
                .expiring
            } else {
                .valid
            }
        return CertificateStatus(name: name, file: file, certificate: certificate, state: state, daysLeft: daysLeft)
    }
}
