package import CountersignCrypto

/// What became of one handshake with an issuer, for people who look for a mistake. Nothing is sent but the handshake itself.
package struct HandshakeReport: Sendable {
    /// Name and port that were asked for.
    package let target: String
    /// Where the connection went; `nil` when there was none.
    package var connectedTo: String?
    /// Such as `TLS 1.3`; `nil` when the handshake was not completed.
    package var version: String?
    /// What the server sent, its own certificate first.
    package var serverChain: [Certificate] = []
    /// Why our CA does not vouch for the server; `nil` when it does, or when there was nothing to judge.
    package var distrust: PathFailure?
    /// What the other side, or our TLS library, ended it with, in the library's words.
    package var failure: String?

    init(target: String) {
        self.target = target
    }
}
