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
    enum Kill: String, CaseIterable, CustomTestStringConvertible {
        case keyRevoked, serviceDenied

        var testDescription: String { rawValue }

        func command(_ kid: String) -> AdminCommand {
            switch self {
            case .keyRevoked: .revoke(kid)
            case .serviceDenied: .deny(.service("user-svc"), notBefore: nil)
            }
        }

        /// What receivers say that know.
        var reasons: [Reason] {
            switch self {
            case .keyRevoked: [.keyUnknown, .keyRevoked]
            case .serviceDenied: [.serviceRevoked]
            }
        }
    }

    @Test(
        "Also at a receiver that cannot reach the issuer, and at none of them before that for no reason", arguments: Kill.allCases
    )
    func dies(kill: Kill) async throws {
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
                func refusal(_ index: Int) async throws -> Refusal? {
                    let forged = try Self.token(key, for: leaf, at: fleet.clock.now)
                    return await receivers[index].refusal(of: forged, from: peers[index], at: fleet.clock.now)
                }
                /// Asks until the answer is the one; a machine under load may be late with a status.
                func wait(_ index: Int, until isRight: (Refusal?) -> Bool) async throws -> Refusal? {
                    let deadline = ContinuousClock.now.advanced(by: .seconds(60))
                    var answer = try await refusal(index)
                    while !isRight(answer), ContinuousClock.now < deadline {
                        try await Task.sleep(for: .milliseconds(10))
                        answer = try await refusal(index)
                    }
                    return answer
                }
                // Each accepts it before anything is taken back, or a refusal later would show nothing.
                for index in receivers.indices {
                    #expect(try await wait(index) { $0 == nil } == nil)
                }
                line.cut()
                let kid = try await fleet.store.load().ring.signing.jwk.kid.rawValue
                let report = try await fleet.store.perform(kill.command(kid), by: .unnamed, at: fleet.clock.now)
                let bound = try #require(report.object("status")?.integer("deadEverywhereWithin"))
                let end = fleet.clock.now.adding(seconds: bound)
                while fleet.clock.now <= end { try await Task.sleep(for: .milliseconds(20)) }
                // From here on for good, whatever the machine was doing in between.
                for index in receivers.indices {
                    #expect(try await refusal(index) != nil)
                }
                let cut = try await refusal(2)
                #expect(cut?.reason == .statusUnavailable || cut?.reason == .keysUnavailable)
                #expect(cut?.status == 503)
                // Those that reach the issuer say why.
                for index in 0..<2 {
                    let answer = try await wait(index) { $0.map { kill.reasons.contains($0.reason) } ?? false }
                    #expect(answer.map { kill.reasons.contains($0.reason) } == true)
                }
                guard kill == .keyRevoked else { return }
                // And take the tokens of the next key.
                let source = TokenSource(try fleet.client("user-svc", first: 0, instance: "caller"))
                let token = try await source.token(for: "search-svc")
                let deadline = ContinuousClock.now.advanced(by: .seconds(60))
                var answer: Refusal?
                repeat {
                    answer = await receivers[0].refusal(of: token.value, from: peers[0], at: fleet.clock.now)
                } while answer?.reason == .statusUnavailable && ContinuousClock.now < deadline
                #expect(answer == nil || fleet.clock.now >= token.expiresAt)
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
