/// What a verdict rests on besides the token and the certificate: one state each of the keys, the trust and the revocations.
///
/// Taken before any of them is looked at. So when one changes in the meantime, the verdict is kept under the numbers of the
/// state before, and is never found again.
struct VerdictBasis: Hashable, Sendable {
    private let keys: UInt64
    private let trust: UInt64
    private let revocations: UInt64

    /// Where the numbers come from; asked for once, since asking a source counts references that every thread counts.
    final class Generations: Sendable {
        private let keys: Generation
        private let trust: Generation
        private let revocations: Generation

        /// `nil` when one of the sources does not say when it changes: then nothing is ever remembered.
        init?(_ keys: any KeySource, _ trust: CertificateTrust, _ revocations: any RevocationSource) {
            guard let keys = keys.generation, let trust = trust.generation, let revocations = revocations.generation else {
                return nil
            }
            (self.keys, self.trust, self.revocations) = (keys, trust, revocations)
        }

        /// `nil` when one of the states has ended: then nothing is remembered and nothing that was is believed.
        func basis(at now: Timestamp) -> VerdictBasis? {
            guard let keys = keys.current(at: now), let trust = trust.current(at: now),
                let revocations = revocations.current(at: now)
            else { return nil }
            return VerdictBasis(keys: keys, trust: trust, revocations: revocations)
        }
    }
}
