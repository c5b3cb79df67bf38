import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import CountersignTesting
import Foundation
import Logging
import Testing

/// Ten commands at a time, each a process of its own, and an issuer that retires keys, on one directory.
@Suite(.serialized) struct KeyRingContentionTests {
    /// Two hundred rounds by `COUNTERSIGN_LONG_TESTS=1`, which takes many minutes; see docs/reference/key-ring.md.
    private var rounds: Int { ProcessInfo.processInfo.environment["COUNTERSIGN_LONG_TESTS"] == nil ? 4 : 200 }

    private struct Done: Sendable {
        var kid: String?
        var denied: String?
        var refusal: String?
    }

    @Test func noUpdateIsLostAndNoFileIsDamaged() async throws {
        let files = try TestDirectory()
        try #require(try Program.run("keys", "init", "--keys", "keys", in: files).succeeded)
        let store = FileKeyRingStore(directory: files.path("keys"))
        let short = try KeyRingParameters(announceFor: 1, retireAfter: 1, rotateEvery: 0)
        let issuer = try await SigningKeys(
            store: store, parameters: short, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            pollEvery: .milliseconds(20)
        )
        let running = Task { try await issuer.run() }
        var denied: Set<String> = []
        var rotations = 0
        for round in 0..<rounds {
            let before = try await store.load().ring.history.last?.number ?? 0
            let done = try await Self.round(round, in: files)
            let ring = try await store.load().ring
            let kids = Set(ring.entries.map(\.kid.rawValue))
            for result in done {
                if let refusal = result.refusal {
                    // Too many keys for one more; or its turn did not come in time.
                    let reasons = ["keys are published", "another process is changing the key ring"]
                    #expect(reasons.contains { refusal.contains($0) }, "\(refusal)")
                }
                if let kid = result.kid { #expect(kids.contains(kid), "a rotation was lost") }
                if let name = result.denied { denied.insert(name) }
            }
            rotations += done.count { $0.kid != nil }
            #expect(Set(ring.denials.map(\.subject.value)) == denied, "a denial was lost")
            // Each rotation left two lines, each denial one; nobody's was overwritten.
            let lines = done.count { $0.kid != nil } * 2 + done.count { $0.denied != nil }
            #expect((ring.history.last?.number ?? 0) - before == Int64(lines))
            // Of those that wait or sign; the issuer may be retiring others right now.
            for key in [ring.signing.jwk, ring.announced?.jwk].compactMap(\.self) { _ = try await store.privateKey(for: key) }
        }
        #expect(rotations >= rounds)
        running.cancel()
        try? await running.value
        #expect(try files.contents(of: "keys").allSatisfy { !$0.hasPrefix(".new-") })
    }

    private static func round(_ round: Int, in files: TestDirectory) async throws -> [Done] {
        try await withThrowingTaskGroup(of: Done.self) { group in
            for number in 0..<10 {
                group.addTask {
                    try await offload {
                        guard number < 7 else {
                            let name = "svc-\(round)-\(number)"
                            let result = try Program.run("deny", "add", "--service", name, "--keys", "keys", in: files)
                            return result.succeeded ? Done(denied: name) : Done(refusal: result.error)
                        }
                        let result = try Program.run("keys", "rotate", "--now", "--keys", "keys", in: files)
                        guard result.succeeded else { return Done(refusal: result.error) }
                        return Done(kid: result.standardOutput.split(separator: " ").first.map(String.init))
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// Where waiting for a process blocks nobody else.
    private static func offload<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try work() }) }
        }
    }
}
