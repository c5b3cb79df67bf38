internal import CountersignCrypto
internal import Synchronization

/// Paths of clients' certificates that were found good under one state of CA and revocation lists, so that a client that connects
/// again costs a digest instead of parsing and path validation.
///
/// Each leaf has one place, whatever is sent with it: anybody can send other certificates beside those of the path, again, or in
/// another order, and would take all places by that. So there is nothing in it but what our CA vouches for. A path counts for those
/// who send what it leads through (``Chain/isSent(in:)``), and only while none of its certificates has run out and no revocation
/// list has ended; then it is judged in full again. New CA or lists come with a new, empty memory. Bounded in number: the oldest
/// gives way.
final class KnownChains: Sendable {
    static let capacity = 1024

    struct Chain: Sendable {
        let leaf: Certificate
        let path: ValidatedPath
        /// What lies between the leaf and the anchor and is not itself one of the anchors: what the client has to send.
        let intermediates: [Certificate]

        init(leaf: Certificate, path: ValidatedPath, anchors: [Certificate]) {
            self.leaf = leaf
            self.path = path
            intermediates = path.certificates.dropFirst().filter { !anchors.contains($0) }
        }

        /// Whether a client that sends these has sent all that the path leads through. What it sends beside them can lead to other
        /// paths, and take nothing from this one.
        func isSent(in chain: [[UInt8]]) -> Bool {
            intermediates.allSatisfy { chain.dropFirst().contains($0.der) }
        }
    }

    private struct State {
        /// By the digest of the leaf.
        var chains: [SHA256Digest: Chain] = [:]
        /// In the order in which they came, the next to go at `oldest` once there are as many as may be.
        var order: [SHA256Digest] = []
        var oldest = 0
    }

    private let state = Mutex(State())

    /// - Parameter leaf: the digest of the certificate.
    func chain(of leaf: SHA256Digest, at now: Timestamp) -> Chain? {
        guard let chain = state.withLock({ $0.chains[leaf] }), chain.path.stands(at: now) else { return nil }
        return chain
    }

    /// Takes the place of what was remembered of the leaf before.
    func remember(_ chain: Chain, of leaf: SHA256Digest) {
        state.withLock { state in
            guard state.chains.updateValue(chain, forKey: leaf) == nil else { return }
            guard state.order.count == Self.capacity else { return state.order.append(leaf) }
            state.chains[state.order[state.oldest]] = nil
            state.order[state.oldest] = leaf
            state.oldest = (state.oldest + 1) % Self.capacity
        }
    }
}
