import Countersign
import CountersignTesting

extension Workload {
    static let tokens = [
        // Claims in, token out.
        Workload("sign") {
            let (signer, claims) = (try Fixture.shared.get().signer, try Fixture.shared.get().claims)
            return { for _ in 0..<$0 { _ = try signer.token(for: claims) } }
        },
        // A signature of a token checked and nothing else.
        Workload("RSA verification") {
            let fixture = try Fixture.shared.get()
            let (key, tokens) = (fixture.issuer.key.publicKey, try fixture.tokens.map { try CompactJWS(Array($0.utf8)) })
            let turns = Turns()
            return { count in
                for number in turns.take(count) {
                    let token = tokens[number % tokens.count]
                    guard try key.isValidSignature(token.signature, for: token.signingInput) else {
                        throw Unexpected("the token is not valid")
                    }
                }
            }
        },
        // The whole verdict on a token that this connection has not brought before.
        Workload("verify, first sight") {
            let fixture = try Fixture.shared.get()
            let (authenticator, peer) = (fixture.authenticator, fixture.caller.peer)
            let values = fixture.tokens.map { ["Bearer \($0)"] }
            let turns = Turns()
            return { count in
                for number in turns.take(count) {
                    let value = values[number % values.count]
                    _ = try await authenticator.authenticate(peer: peer, authorization: value, at: TestClock.now).get()
                }
            }
        },
        // The same token again on one connection: a hit of the connection's memory.
        Workload("verify, repeated", isShort: true) {
            let fixture = try Fixture.shared.get()
            let (authenticator, peer, value) = (fixture.authenticator, fixture.caller.peer, ["Bearer \(fixture.tokens[0])"])
            return { try await repeated(authenticator, peer, value, $0) }
        },
        // By eight tasks at once, each with a connection and a copy of the token that it has made itself, as event loops do: what
        // one thread makes in a row stands so close together that two processors would wait for each other's cache lines.
        Workload("verify, repeated by eight tasks") {
            let fixture = try Fixture.shared.get()
            let authenticator = fixture.authenticator
            return { count in
                try await withThrowingTaskGroup { group in
                    for _ in 0..<8 {
                        group.addTask {
                            let (peer, value) = (fixture.caller.peer, ["Bearer \(fixture.tokens[0])"])
                            try await repeated(authenticator, peer, value, (count + 7) / 8)
                        }
                    }
                    try await group.waitForAll()
                }
            }
        },
        // The token taken apart, and its claims read.
        Workload("parse", isShort: true) {
            let tokens = try Fixture.shared.get().tokens.map { Array($0.utf8) }
            let turns = Turns()
            return { count in
                for number in turns.take(count) { _ = try TokenClaims(json: CompactJWS(tokens[number % tokens.count]).payload) }
            }
        },
    ]

    private static nonisolated(nonsending) func repeated(
        _ authenticator: Authenticator, _ peer: Peer, _ value: [String], _ count: Int
    ) async throws {
        for _ in 0..<count {
            _ = try await authenticator.authenticate(peer: peer, authorization: value, at: TestClock.now).get()
        }
    }
}
