internal import CountersignCrypto
internal import Synchronization

/// Certificate chains that were found good under one state of CA and revocation lists, so that a client that connects again costs
/// a digest instead of parsing and path validation.
///
/// The key is every byte the client sent. Only good chains are remembered, and a remembered one counts only while none of its
/// certificates has run out and no revocation list has ended; then it is judged in full again. New CA or lists come with a new,
/// empty memory. Bounded in number, and in bytes because only certificates that our CA vouches for are in it, each of whose leaves
/// has as many places as its path is long: the oldest gives way.
final class KnownChains: Sendable {
    static let capacity = 1024

    /// What a client sent, or the leaf that a session remembered.
    struct Key: Hashable {
        private let digest: SHA256Digest

        init(sent chain: [[UInt8]]) {
            digest = .joining(chain.map(SHA256.digest(of:)))
        }

        init(resumed leaf: [UInt8]) {
            // One certificate alone: in the other form two digests follow each other.
            digest = .joining([SHA256.digest(of: leaf), SHA256.digest(of: [])])
        }
    }

    struct Chain: Sendable {
        let leaf: Certificate
        let intermediates: [Certificate]
        let path: ValidatedPath
    }

    private struct State {
        var chains: [Key: Chain] = [:]
        /// In the order in which they came, the next to go at `oldest` once there are as many as may be.
        var order: [Key] = []
        var oldest = 0
    }

    private let state = Mutex(State())

    func chain(_ key: Key, at now: Timestamp) -> Chain? {
        guard let chain = state.withLock({ $0.chains[key] }), chain.path.stands(at: now) else { return nil }
        return chain
    }

    /// What was sent beside the path, again, or in another order is anybody's to choose, so that somebody could take all places: only
    /// the beginning of the path in its order is remembered, which is what clients send (RFC 8446 4.4.2).
    func remember(_ chain: Chain, for key: Key) {
        let beginning = chain.path.certificates.dropFirst().prefix(chain.intermediates.count)
        guard chain.intermediates.elementsEqual(beginning) else { return }
        state.withLock { state in
            guard state.chains.updateValue(chain, forKey: key) == nil else { return }
            guard state.order.count == Self.capacity else { return state.order.append(key) }
            state.chains[state.order[state.oldest]] = nil
            state.order[state.oldest] = key
            state.oldest = (state.oldest + 1) % Self.capacity
        }
    }
}
