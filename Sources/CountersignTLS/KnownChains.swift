internal import CountersignCrypto
internal import Synchronization

/// Certificate chains that were found good under one state of CA and revocation lists, so that a client that connects again costs
/// a digest instead of parsing and path validation.
///
/// The key is every byte the client sent. Only good chains are remembered, and a remembered one counts only while none of its
/// certificates has run out and no revocation list has ended; then it is judged in full again. New CA or lists come with a new,
/// empty memory. Bounded: the oldest gives way.
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

    func remember(_ chain: Chain, for key: Key) {
        state.withLock { state in
            guard state.chains.updateValue(chain, forKey: key) == nil else { return }
            guard state.order.count == Self.capacity else { return state.order.append(key) }
            state.chains[state.order[state.oldest]] = nil
            state.order[state.oldest] = key
            state.oldest = (state.oldest + 1) % Self.capacity
        }
    }
}
