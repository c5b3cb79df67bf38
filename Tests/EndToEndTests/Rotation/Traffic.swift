import CountersignJOSE
import CountersignTesting
import Synchronization

/// A service that fetches tokens one after the other and checks each as a receiver would that had fetched the key set just
/// before: the hardest moment, because the set is as old as the token is new.
final class Traffic: Sendable {
    private struct State {
        var tokens: [IssuedToken] = []
        var failures: [String] = []
        var isStopped = false
    }

    /// As configured where there is traffic.
    private static let announceFor = Duration.seconds(3)

    private let state = Mutex(State())
    private let issuer: RunningIssuer
    private let keysFrom: RunningIssuer

    init(from issuer: RunningIssuer, keysFrom: RunningIssuer? = nil) {
        self.issuer = issuer
        self.keysFrom = keysFrom ?? issuer
    }

    /// Those that verified, in their order.
    var tokens: [IssuedToken] { state.withLock { $0.tokens } }

    /// Everything that went wrong, in words.
    var failures: [String] { state.withLock { $0.failures } }

    func stop() {
        state.withLock { $0.isStopped = true }
    }

    func run() async throws {
        while !state.withLock({ $0.isStopped }) {
            try Task.checkCancellation()
            do {
                if let token = try once() { state.withLock { $0.tokens.append(token) } }
            } catch {
                state.withLock { $0.failures.append("\(error)") }
            }
            await Task.yield()
        }
    }

    /// `nil` when it took so long that the issuer may have announced a key and begun to sign with it in the meantime.
    private func once() throws -> IssuedToken? {
        let began = ContinuousClock.now
        let keys = try JWKSet(json: try Curl(issuer: keysFrom).answer("/.well-known/jwks.json").body)
        let token = try IssuedToken(try Curl(issuer: issuer).token())
        guard try token.isSigned(byOneOf: keys) else {
            if ContinuousClock.now - began > Self.announceFor { return nil }
            throw NotInTime(description: "a token by \(token.kid) does not verify with \(keys.keys.map(\.kid))")
        }
        return token
    }
}
