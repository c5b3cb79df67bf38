/// What a verdict rests on besides the token and the certificate: one state each of the keys, the trust and the revocations.
///
/// Taken before any of them is looked at. So when one changes in the meantime, the verdict is kept under the numbers of the
/// state before, and is never found again.
struct VerdictBasis: Hashable, Sendable {
    private let keys: UInt64
    private let trust: UInt64
    private let revocations: UInt64

    /// `nil` when one of them cannot say, or is not to be had at all: then nothing is remembered and nothing is believed.
    init?(_ keys: any KeySource, _ trust: CertificateTrust, _ revocations: any RevocationSource, at now: Timestamp) {
        guard let keys = keys.generation(at: now), let trust = trust.generation(at: now),
            let revocations = revocations.generation(at: now)
        else { return nil }
        self.keys = keys
        self.trust = trust
        self.revocations = revocations
    }
}
