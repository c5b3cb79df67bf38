public import Countersign
internal import CountersignCrypto

/// All services of a policy, indexed so that a certificate is resolved in constant time.
///
/// A certificate resolves to exactly one service or to none. Entries that could claim the same certificate are refused when the
/// directory is made; the few pairs that cannot be told apart in advance (one entry by SPIFFE ID, another by DNS name) are
/// refused when a certificate that fits both arrives. There is no order and no "first match".
public struct ServiceDirectory: Sendable {
    /// In the order given.
    public let services: [ServiceEntry]

    // An entry with a subject or a SPIFFE ID is in one of the first three, by what it gives; a look-up hashes for those only that
    // have entries.
    private let bySubject: [DistinguishedName: Int]
    private let bySPIFFEID: [SPIFFEID: Int]
    private let byBoth: [Names: Int]
    private let byDNSName: [String: Int]

    /// Compiles the entries. Cost: a few hash operations per entry, also when many share a name.
    ///
    /// - Throws: ``ServiceConflicts`` with every pair of entries that share an id, or that share a criterion and are not
    ///   provably disjoint. A certificate has exactly one subject and at most one SPIFFE ID, so two entries with different
    ///   subjects or different SPIFFE IDs are disjoint; different DNS names prove nothing.
    public init(_ services: [ServiceEntry]) throws(ServiceConflicts) {
        let conflicts = ServiceConflicts.Finder.conflicts(among: services)
        guard conflicts.isEmpty else {
            throw ServiceConflicts(conflicts)
        }
        var bySubject: [DistinguishedName: Int] = [:]
        var bySPIFFEID: [SPIFFEID: Int] = [:]
        var byBoth: [Names: Int] = [:]
        var byDNSName: [String: Int] = [:]
        for (index, service) in services.enumerated() {
            let criteria = service.criteria
            switch (criteria.subject, criteria.spiffeID, criteria.dnsName) {
            case (let subject?, let spiffeID?, _): byBoth[Names(subject: subject, spiffeID: spiffeID)] = index
            case (let subject?, nil, _): bySubject[subject] = index
            case (nil, let spiffeID?, _): bySPIFFEID[spiffeID] = index
            case (nil, nil, let name?): byDNSName[name] = index
            case (nil, nil, nil): break
            }
        }
        self.services = services
        self.bySubject = bySubject
        self.bySPIFFEID = bySPIFFEID
        self.byBoth = byBoth
        self.byDNSName = byDNSName
    }

    /// The service that the identity belongs to. Cost: three look-ups and one more per DNS name.
    ///
    /// Fails closed: no entry, or more than one, is a refusal.
    public func service(for identity: CertificateIdentity) -> Result<ServiceEntry, ServiceRefusal> {
        var found: Int?
        for index in candidates(for: identity) where services[index].criteria.matches(identity) {
            if let found, found != index {
                return .failure(.ambiguous(services[found].id, services[index].id))
            }
            found = index
        }
        guard let found else {
            return .failure(.unknown)
        }
        return .success(services[found])
    }

    private func candidates(for identity: CertificateIdentity) -> [Int] {
        var candidates: [Int] = []
        candidates.reserveCapacity(2)
        if let index = bySubject[identity.subject] {
            candidates.append(index)
        }
        if let spiffeID = identity.spiffeID {
            if let index = bySPIFFEID[spiffeID] {
                candidates.append(index)
            }
            if !byBoth.isEmpty, let index = byBoth[Names(subject: identity.subject, spiffeID: spiffeID)] {
                candidates.append(index)
            }
        }
        if !byDNSName.isEmpty {
            candidates.append(contentsOf: identity.dnsNames.compactMap { byDNSName[$0] })
        }
        return candidates
    }
}

extension ServiceDirectory {
    /// Subject and SPIFFE ID of an entry that gives both. At most one entry has given names: two with the same subject and the
    /// same SPIFFE ID would not be disjoint, whatever their DNS names.
    private struct Names: Hashable {
        let subject: DistinguishedName
        let spiffeID: SPIFFEID
    }
}
