internal import CountersignJSON
internal import Synchronization

/// What one authenticator remembers of one connection: who its peer is, and the last tokens it was found good with.
///
/// It is kept with the ``Peer`` and goes away with the connection, so a remembered token is bound to the certificate that
/// proved its key on this connection, and a flood of tokens on one connection pushes out nothing of another. Each
/// authenticator has its own, so policy and expectations are part of the key; the whole Authorization value is compared, and
/// the ``VerdictBasis``: another key set, other authorities or lists, another revocation, and the token is checked in full.
/// Only successes are remembered, at most ``maxTokens`` values and ``maxBytes`` together, the least recently used giving way.
/// The times of token and chain are looked at on every hit. Nothing that other connections use is touched for one, not even to
/// count a reference, so that hits scale with the cores.
///
/// So a peer's share is fixed: a connection holds at most 16 KiB of values for each authenticator that looks at it (at most
/// four), and about four times as much of what was read from them. The server bounds connections, and with them the total.
final class ConnectionMemory: Sendable {
    static let maxTokens = 4
    /// Of the Authorization values together. Twice the longest token, so that white space cannot be hoarded here.
    static let maxBytes = 2 * BearerToken.maxBytes

    /// Step 3 of the connection's certificate.
    let caller: CallerPolicy.Caller
    /// Whose signature the certificate had when this was concluded.
    let authorityKey: SHA256Digest?

    private let tokens = Mutex<[Entry]>([])

    private struct Entry: Sendable {
        let authorization: String
        /// The end of the token's signature, which differs where tokens do, so that one look tells.
        let ending: UInt64
        let basis: VerdictBasis
        let standing: ValidatedPath.Standing
        let caller: VerifiedCaller
    }

    init(_ caller: CallerPolicy.Caller, authorityKey: SHA256Digest?) {
        self.caller = caller
        self.authorityKey = authorityKey
    }

    /// The caller that exactly this value proved on exactly this basis, while its chain still stands.
    func caller(for authorization: String, on basis: VerdictBasis, at now: Timestamp) -> VerifiedCaller? {
        let ending = authorization.ending
        return tokens.withLock { tokens in
            // By index, and the cheapest comparisons first: nothing is copied that is not returned.
            let match = tokens.indices.last {
                tokens[$0].ending == ending && tokens[$0].basis == basis
                    && tokens[$0].authorization.hasSameUTF8(as: authorization)
            }
            guard let index = match, tokens[index].standing.includes(now) else { return nil }
            let caller = tokens[index].caller
            // The most recently used stands last.
            if index != tokens.count - 1 { tokens.append(tokens.remove(at: index)) }
            return caller
        }
    }

    /// - Parameter path: the chain that was good when the caller was found good.
    func remember(_ caller: VerifiedCaller, for authorization: String, on basis: VerdictBasis, while path: ValidatedPath) {
        let (ending, standing) = (authorization.ending, path.standing)
        tokens.withLock { tokens in
            let known = tokens.indices.first {
                tokens[$0].ending == ending && tokens[$0].authorization.hasSameUTF8(as: authorization)
            }
            if let known { tokens.remove(at: known) }
            var bytes = authorization.utf8.count
            for index in tokens.indices { bytes += tokens[index].authorization.utf8.count }
            while !tokens.isEmpty, tokens.count >= Self.maxTokens || bytes > Self.maxBytes {
                bytes -= tokens.removeFirst().authorization.utf8.count
            }
            guard bytes <= Self.maxBytes else { return }
            tokens.append(
                Entry(authorization: authorization, ending: ending, basis: basis, standing: standing, caller: caller)
            )
        }
    }
}
