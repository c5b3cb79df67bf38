internal import Countersign
internal import CountersignCrypto

/// Entries of a policy that exclude each other.
public struct ServiceConflicts: Error, Hashable, Sendable, CustomStringConvertible {
    /// Two entries, by their place in the list: `second` cannot stand while `first` does.
    public struct Conflict: Hashable, Sendable {
        public let first: Int
        public let second: Int
        /// What they share and why that is not enough to tell them apart.
        public let message: String
    }

    /// In the order of `second`. Never empty.
    public let conflicts: [Conflict]

    init(_ conflicts: [Conflict]) {
        self.conflicts = conflicts
    }

    public var description: String {
        conflicts.map(\.message).joined(separator: "\n")
    }
}

extension ServiceConflicts {
    /// Finds, for each entry, an earlier one that it overlaps with. Time grows with the number of entries, not with its square.
    enum Finder {
        static func conflicts(among services: [ServiceEntry]) -> [Conflict] {
            var found: [Int: Conflict] = [:]
            func note(_ first: Int, _ second: Int, _ message: @autoclosure () -> String) {
                if found[second] == nil {
                    found[second] = Conflict(first: first, second: second, message: message())
                }
            }
            var ids: [String: Int] = [:]
            for (index, service) in services.enumerated() {
                if let first = ids[service.id] {
                    note(first, index, "service id '\(service.id)' is given twice")
                } else {
                    ids[service.id] = index
                }
            }
            for group in groups(of: services) {
                var earlier = Overlaps()
                for index in group.members {
                    let criteria = services[index].criteria
                    if let first = earlier.entry(overlapping: criteria) {
                        note(
                            first, index,
                            "services '\(services[first].id)' and '\(services[index].id)' could both claim a certificate with "
                                + "\(group.shared)"
                        )
                    }
                    earlier.insert(criteria, index)
                }
            }
            return found.values.sorted { $0.second < $1.second }
        }

        /// The sets of two or more entries that share one criterion.
        private static func groups(of services: [ServiceEntry]) -> [(shared: String, members: [Int])] {
            var bySubject: [DistinguishedName: [Int]] = [:]
            var bySPIFFEID: [SPIFFEID: [Int]] = [:]
            var byDNSName: [String: [Int]] = [:]
            for (index, service) in services.enumerated() {
                if let subject = service.criteria.subject {
                    bySubject[subject, default: []].append(index)
                }
                if let spiffeID = service.criteria.spiffeID {
                    bySPIFFEID[spiffeID, default: []].append(index)
                }
                if let name = service.criteria.dnsName {
                    byDNSName[name, default: []].append(index)
                }
            }
            return bySubject.filter { $1.count > 1 }.map { ("subject \($0)", $1) }
                + bySPIFFEID.filter { $1.count > 1 }.map { ("SPIFFE ID \($0)", $1) }
                + byDNSName.filter { $1.count > 1 }.map { ("DNS name \($0)", $1) }
        }
    }

    /// Entries seen so far that share one criterion, arranged to answer "is one of them not disjoint from this?" by look-up.
    private struct Overlaps {
        private struct Names: Hashable {
            let subject: DistinguishedName?
            let spiffeID: SPIFFEID?
        }

        private var any: Int?
        private var withoutSubject: Int?
        private var withoutSPIFFEID: Int?
        private var bySubject: [DistinguishedName: Int] = [:]
        private var bySPIFFEID: [SPIFFEID: Int] = [:]
        private var byNames: [Names: Int] = [:]

        /// An entry with the same or no subject and the same or no SPIFFE ID.
        func entry(overlapping criteria: CallerCriteria) -> Int? {
            switch (criteria.subject, criteria.spiffeID) {
            case (nil, nil):
                any
            case (let subject?, nil):
                bySubject[subject] ?? withoutSubject
            case (nil, let spiffeID?):
                bySPIFFEID[spiffeID] ?? withoutSPIFFEID
            case (let subject?, let spiffeID?):
                byNames[Names(subject: subject, spiffeID: spiffeID)] ?? byNames[Names(subject: subject, spiffeID: nil)]
                    ?? byNames[Names(subject: nil, spiffeID: spiffeID)] ?? byNames[Names(subject: nil, spiffeID: nil)]
            }
        }

        mutating func insert(_ criteria: CallerCriteria, _ index: Int) {
            any = any ?? index
            if let subject = criteria.subject {
                bySubject[subject] = bySubject[subject] ?? index
            } else {
                withoutSubject = withoutSubject ?? index
            }
            if let spiffeID = criteria.spiffeID {
                bySPIFFEID[spiffeID] = bySPIFFEID[spiffeID] ?? index
            } else {
                withoutSPIFFEID = withoutSPIFFEID ?? index
            }
            let names = Names(subject: criteria.subject, spiffeID: criteria.spiffeID)
            byNames[names] = byNames[names] ?? index
        }
    }
}
