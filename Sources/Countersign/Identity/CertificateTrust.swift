/// Where the authorities and revocation lists come from. A reloading source answers with a new validator after a change.
public protocol TrustSource: Sendable {
    /// The validator in force. Cheap; never waits.
    var validator: PathValidator { get }
}

extension PathValidator: TrustSource {
    /// A validator is its own source: one that never changes.
    public var validator: PathValidator { self }
}

/// How a peer's certificate chain is judged.
public enum CertificateTrust: Sendable {
    /// Against these authorities, on every request (design: step 2). Fails closed.
    case authorities(any TrustSource)
    /// Only its own validity period: **anybody can make a certificate that passes**. For inspecting a token on a desk where
    /// the authorities are not at hand; never for a receiver.
    case insecureWithoutAuthorities

    /// Step 2. Returns the public key of the authority that signed the peer's certificate; `nil` when nobody vouches for it.
    func check(_ peer: Peer, at now: Timestamp) throws(Refusal) -> SHA256Digest? {
        switch self {
        case .authorities(let source):
            switch peer.standing(under: source.validator, purpose: .client, at: now) {
            case .success(let path): return path.authorityKeySHA256
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
