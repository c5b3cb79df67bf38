internal import CountersignCrypto
internal import Synchronization

/// Intermediate CA certificates that have been part of a validated path, for connections that resume a session.
///
/// A resumed TLS session gives the leaf certificate only. To judge it anew, the intermediates its owner sent the first time
/// are offered to the validator again. They are candidates, not anchors: the whole path is checked each time. Only
/// certificates issued under the trusted CAs get in, and only so many.
final class KnownIntermediates: Sendable {
    static let capacity = 64
    /// As many intermediates as the validator reads.
    static let maxCandidates = 8

    private let certificates = Mutex<[Certificate]>([])

    /// Those that may lie between `leaf` and an anchor: its issuer by name, the issuer's issuer, and so on.
    func candidates(for leaf: Certificate) -> [Certificate] {
        let known = certificates.withLock { $0 }
        var candidates: [Certificate] = []
        var issuers: Set = [leaf.issuer]
        while candidates.count < Self.maxCandidates {
            let next = known.filter { issuers.contains($0.subject) && !candidates.contains($0) }
            guard !next.isEmpty else { break }
            candidates += next
            issuers = Set(next.map(\.issuer))
        }
        return Array(candidates.prefix(Self.maxCandidates))
    }

    /// Remembers what lies between the leaf and the anchor; the oldest gives way when there are too many.
    func remember(_ path: ValidatedPath) {
        guard path.certificates.count > 2 else { return }
        certificates.withLock { certificates in
            for certificate in path.certificates.dropFirst().dropLast() where !certificates.contains(certificate) {
                if certificates.count == Self.capacity { certificates.removeFirst() }
                certificates.append(certificate)
            }
        }
    }
}
