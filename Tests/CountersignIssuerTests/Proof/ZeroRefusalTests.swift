import Countersign
import CountersignClient
import CountersignCrypto
import CountersignTLS
import Foundation
import Synchronization
import Testing

@testable import CountersignIssuer

/// Rotations, one after the other, under steady traffic: two issuers on one ring, four receivers, eight callers.
///
/// The clock of everybody runs forty times as fast, so a rotation takes about a second. The short form makes six of them; with
/// `COUNTERSIGN_LONG_TESTS=1` it is fifty, which takes about two minutes; see docs/reference/key-ring.md.
@Suite("Rotation under traffic", .serialized)
struct ZeroRefusalTests {
    private var rotations: Int { ProcessInfo.processInfo.environment["COUNTERSIGN_LONG_TESTS"] == nil ? 6 : 50 }

    private final class Tally: Sendable {
        struct Counts {
            var accepted = 0
            var expired = 0
            var wrong: [String] = []
            var keys: Set<KeyID> = []
            var longestGap = Duration.zero
        }

        private let counts = Mutex(Counts())

        var current: Counts { counts.withLock { $0 } }

        func note(_ change: (inout Counts) -> Void) { counts.withLock { change(&$0) } }
    }

    @Test("No valid token is refused and no expired one accepted, at any of four receivers")
    func refusesNothingValid() async throws {
        let keys =
            "announceFor: 20s, rotateEvery: 40s, receiverWindow: 1h, statusMaxAge: 10m, statusPoll: 20s"
        let rotations = rotations
        try await ProofFleet.run(issuers: 2, speed: 40, keys: keys) { fleet in
            let receivers = [
                try ProofReceiver(fleet, "steady", first: 0), try ProofReceiver(fleet, "other", first: 1),
                try ProofReceiver(fleet, "slow", first: 0, line: ProofLine(delay: .milliseconds(200))),
                try ProofReceiver(fleet, "restarted", first: 1),
            ]
            let tally = Tally()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for receiver in receivers { try await receiver.waitUntilReady() }
                for (index, receiver) in receivers.enumerated() {
                    tasks.addTask { try await receiver.run(restarting: index == 3 ? .milliseconds(700) : nil) }
                }
                for caller in 0..<8 {
                    tasks.addTask { try await Self.call(fleet, caller, receivers, tally) }
                }
                tasks.addTask { try await Self.mint(fleet, tally) }
                let deadline = ContinuousClock.now.advanced(by: .seconds(600))
                while try await Self.promotions(fleet) < rotations, ContinuousClock.now < deadline {
                    try await Task.sleep(for: .milliseconds(50))
                }
                tasks.cancelAll()
                while let result = await tasks.nextResult() {
                    if case .failure(let error) = result, !(error is CancellationError),
                        (error as? TokenError)?.code != .cancelled
                    {
                        throw error
                    }
                }
            }
            let counts = tally.current
            #expect(counts.wrong.isEmpty, "\(counts.wrong.count) of \(counts.accepted): \(counts.wrong.prefix(5))")
            #expect(counts.accepted > 100 && counts.expired > 0)
            // A key that signs for a short time only may see no token minted on a busy machine.
            #expect(counts.keys.count > rotations / 2)
            let ring = try await fleet.store.load().ring
            // Exactly one issuer did each step: nothing was announced that was not signed with in its turn.
            let history = ring.history.filter { $0.who == "issuer" }
            let announced = history.count { $0.what.hasPrefix("announced") }
            let promoted = history.count { $0.what.hasPrefix("promoted") }
            #expect(abs(announced - promoted) <= 1)
            #expect(ring.signing.promotion == .planned)
            if ProcessInfo.processInfo.environment["COUNTERSIGN_LONG_TESTS"] != nil {
                let line =
                    "\(counts.accepted) accepted, \(counts.keys.count) keys, longest wait for a token \(counts.longestGap)\n"
                FileHandle.standardError.write(Data(line.utf8))
            }
        }
    }

    private static func promotions(_ fleet: ProofFleet) async throws -> Int {
        let history = try await fleet.store.load().ring.history
        let all = history.filter { $0.what.hasPrefix("promoted") }
        // Of a long run the oldest are forgotten.
        return (history.first?.number ?? 1) > 1 ? Int(history.last?.number ?? 0) / 2 : all.count
    }

    /// Calls every receiver again and again with the token in hand, and with one that has expired.
    private static func call(_ fleet: ProofFleet, _ number: Int, _ receivers: [ProofReceiver], _ tally: Tally) async throws {
        let certificate = try Certificate.parsePEM(
            Array(try String(contentsOfFile: fleet.folder.folder.path("user-svc.pem"), encoding: .utf8).utf8)
        )
        let leaf = try #require(certificate.first)
        let peers = receivers.map { _ in Peer(provedPossessionOf: leaf, intermediates: []) }
        let source = TokenSource(
            try fleet.client("user-svc", first: number % 2, instance: "caller-\(number)"),
            configuration: .init(fetchTimeout: .seconds(20 * fleet.clock.speed))
        )
        var old: (value: String, expiresAt: Timestamp)?
        var present: (value: String, expiresAt: Timestamp)?
        while !Task.isCancelled {
            let token = try await source.token(for: "search-svc")
            if present?.value != token.value {
                old = old ?? present
                // By the token's own word; its holder counts from when it asked, which is earlier.
                present = (token.value, try TokenClaims(json: CompactJWS(Array(token.value.utf8)).payload).expiresAt)
            }
            for (receiver, peer) in zip(receivers, peers) {
                let now = fleet.clock.now
                if let present, now < present.expiresAt {
                    let refusal = await receiver.refusal(of: present.value, from: peer, at: now)
                    tally.note { counts in
                        if let refusal {
                            counts.wrong.append("\(refusal)")
                        } else {
                            counts.accepted += 1
                        }
                    }
                }
                if let expired = old, now >= expired.expiresAt {
                    let refusal = await receiver.refusal(of: expired.value, from: peer, at: now)
                    tally.note { counts in
                        counts.expired += 1
                        if refusal == nil { counts.wrong.append("an expired token was accepted") }
                    }
                }
            }
            if let expired = old, fleet.clock.now >= expired.expiresAt { old = nil }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Asks for one token after the other, to see how long a promotion makes anybody wait.
    private static func mint(_ fleet: ProofFleet, _ tally: Tally) async throws {
        let material = try TLSMaterial(fleet.files(of: "user-svc"), role: .client, at: .now())
        let transport = MutualTLSTransport { material }
        let request = IssuerRequest(
            .post, "\(fleet.addresses[0])/oauth2/token",
            headers: [("Content-Type", "application/x-www-form-urlencoded")], body: Array(RunningIssuer.goodForm.utf8),
            maxAnswerBytes: 64 << 10
        )
        while !Task.isCancelled {
            let sent = ContinuousClock.now
            let answer = try await transport.send(request)
            let wait = sent.duration(to: .now)
            let kid = Self.kid(in: answer.body)
            tally.note { counts in
                counts.longestGap = max(counts.longestGap, wait)
                if let kid { counts.keys.insert(kid) } else { counts.wrong.append("no token: \(answer.status)") }
            }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private static func kid(in body: [UInt8]) -> KeyID? {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
            let token = object["access_token"] as? String,
            let jws = try? CompactJWS(Array(token.utf8)), let header = try? TokenHeader(json: jws.header)
        else { return nil }
        return header.kid
    }
}
