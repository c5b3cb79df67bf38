import Countersign
import CountersignClient
import CountersignCrypto
import CountersignJSON
import Foundation
import Testing

@testable import CountersignIssuer

/// A key that was revoked, and a service that was denied, are dead at every receiver within the time that was printed.
@Suite("Kill within the bound", .serialized)
struct KillTests {
    @Test("Also at a receiver that cannot reach the issuer, and none of them before that for no reason")
    func revoked() async throws {
        try await ProofFleet.run(
            issuers: 2, speed: 20, keys: "announceFor: 20s, rotateEvery: 0, statusMaxAge: 60s, statusPoll: 10s"
        ) { fleet in
            let line = ProofLine()
            let receivers = [
                try ProofReceiver(fleet, "one", first: 0), try ProofReceiver(fleet, "two", first: 1),
                try ProofReceiver(fleet, "cut", first: 0, line: line),
            ]
            let leaf = try #require(
                try Certificate.parsePEM(
                    Array(try String(contentsOfFile: fleet.folder.folder.path("user-svc.pem"), encoding: .utf8).utf8)
                ).first
            )
            let peers = receivers.map { _ in Peer(provedPossessionOf: leaf, intermediates: []) }
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                defer { tasks.cancelAll() }
                for receiver in receivers {
                    try await receiver.waitUntilReady()
                    tasks.addTask { try await receiver.run() }
                }
                let key = try await fleet.store.privateKey(for: fleet.store.load().ring.signing.jwk)
                // Whoever has the key makes a token that is good whenever it is looked at.
                func forged() throws -> String { try Self.token(key, for: leaf, at: fleet.clock.now) }
                for (receiver, peer) in zip(receivers, peers) {
                    let refusal = await receiver.refusal(of: try forged(), from: peer, at: fleet.clock.now)
                    #expect(refusal == nil || refusal?.reason == .statusUnavailable)
                }
                line.cut()
                let kid = try await fleet.store.load().ring.signing.jwk.kid.rawValue
                let report = try await fleet.store.perform(.revoke(kid), by: .unnamed, at: fleet.clock.now)
                let bound = try #require(report.object("status")?.integer("deadEverywhereWithin"))
                let end = fleet.clock.now.adding(seconds: bound)
                while fleet.clock.now <= end { try await Task.sleep(for: .milliseconds(20)) }
                // From here on for good, whatever the machine was doing in between.
                for (receiver, peer) in zip(receivers, peers) {
                    let refusal = await receiver.refusal(of: try forged(), from: peer, at: fleet.clock.now)
                    #expect(refusal != nil)
                }
                let cut = await receivers[2].refusal(of: try forged(), from: peers[2], at: fleet.clock.now)
                #expect(cut?.reason == .statusUnavailable || cut?.reason == .keysUnavailable)
                #expect(cut?.status == 503)
                // Those that reach the issuer say why, and take the tokens of the next key.
                let deadline = ContinuousClock.now.advanced(by: .seconds(60))
                for index in 0..<2 {
                    var reason: Reason?
                    repeat {
                        try await Task.sleep(for: .milliseconds(20))
                        reason = await receivers[index].refusal(of: try forged(), from: peers[index], at: fleet.clock.now)?.reason
                    } while reason != .keyUnknown && reason != .keyRevoked && ContinuousClock.now < deadline
                    #expect(reason == .keyUnknown || reason == .keyRevoked)
                }
                let source = TokenSource(try fleet.client("user-svc", first: 0, instance: "caller"))
                let token = try await source.token(for: "search-svc")
                var refusal: Refusal?
                repeat {
                    refusal = await receivers[0].refusal(of: token.value, from: peers[0], at: fleet.clock.now)
                } while refusal?.reason == .statusUnavailable && ContinuousClock.now < deadline
                #expect(refusal == nil || fleet.clock.now >= token.expiresAt)
            }
        }
    }

    private static func token(_ key: RSAPrivateKey, for leaf: Certificate, at now: Timestamp) throws -> String {
        try TokenSigner(key: key).token(
            for: TokenClaims(
                issuer: "https://localhost:8443", serviceID: "user-svc", audience: "search-svc", roles: [], issuedAt: now,
                expiresAt: now.adding(seconds: 60), tokenID: "forged-\(UInt64.random(in: 0...(.max)))",
                confirmation: Confirmation(certificateSHA256: leaf.sha256)
            )
        )
    }
}
