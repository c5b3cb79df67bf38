/// Where the authorities and revocation lists come from. A reloading source answers with a new validator after a change.
public protocol TrustSource: Sendable {
    /// The validator in force. Cheap; never waits.
    var validator: PathValidator { get }

    /// Advanced whenever another validator is in force; always the same object, asked for once.
    ///
    /// What was found out about a token is remembered for as long as it does not advance. `nil`, the default, is for a source
    /// that cannot say when it changes: then nothing is remembered, and every token is checked in full.
    var generation: Generation? { get }
}

extension TrustSource {
    public var generation: Generation? { nil }
}

extension PathValidator: TrustSource {
    /// A validator is its own source: one that never changes.
    public var validator: PathValidator { self }

    public var generation: Generation? { Generation() }
}

/// How a peer's certificate chain is judged.
public enum CertificateTrust: Sendable {
    /// Against these authorities, on every request (design: step 2). Fails closed.
    case authorities(any TrustSource)
    /// Only its own validity period: **anybody can make a certificate that passes**. For inspecting a token on a desk where
    /// the authorities are not at hand; never for a receiver.
    case insecureWithoutAuthorities

    /// Nothing is remembered of certificates that nobody vouches for.
    var generation: Generation? {
        switch self {
        case .authorities(let source): source.generation
        case .insecureWithoutAuthorities: nil
        }
    }

    /// Step 2. Returns the chain to the authority; `nil` when nobody vouches for the certificate.
    func check(_ peer: Peer, at now: Timestamp) throws(Refusal) -> ValidatedPath? {
        switch self {
        case .authorities(let source):
            switch peer.standing(under: source.validator, purpose: .client, at: now) {
            case .success(let path): return path
            case .failure(let failure): throw Refusal(Reason(failure.code), failure.message)
            }
        case .insecureWithoutAuthorities:
            let certificate = peer.certificate
            guard now >= certificate.notBefore else {
                throw Refusal(.certificateNotYetValid, "the certificate is valid from \(certificate.notBefore)")
            }
            guard now < certificate.notAfter else {
                throw Refusal(.certificateExpired, "the certificate was valid until \(certificate.notAfter)")
            }
            return nil
        }
    }
}
