import CountersignCrypto
import CountersignFiles
import CountersignJOSE
import Foundation
import Synchronization
import Testing

@testable import CountersignIssuer

/// A disk that fails when the new ring has its name already: readers see the change, and the writer is told of an error.
@Suite("Key ring files: a failure after the rename")
struct RingSyncFaultTests {
    /// Fails the sync of the directory that follows the rename of a file, when it is told to.
    private final class FailingDisk: Sendable {
        private let state = Mutex((fails: "", renamed: ""))

        /// The end of the name of the file; empty when the disk is well.
        func fail(after name: String) { state.withLock { $0.fails = name } }

        func take(_ step: FileStep) throws(SystemError) {
            let fails = state.withLock { state in
                if step.kind == .rename { state.renamed = step.path }
                return step.kind == .syncDirectory && !state.fails.isEmpty && state.renamed.hasSuffix(state.fails)
            }
            if fails { throw SystemError("sync", step.path, reason: "the disk failed") }
        }
    }

    private func withDisk(_ body: (FileKeyRingStore, FailingDisk) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let disk = FailingDisk()
            let store = FileKeyRingStore(directory: "\(folder)/keys") { step throws(SystemError) in try disk.take(step) }
            _ = try await store.initialise(with: RingKeys.privateKey(0), at: ringStart)
            try await body(store, disk)
        }
    }

    @Test("is said to be in force, and one before it to have changed nothing")
    func saysWhatHolds() async throws {
        try await withDisk { store, disk in
            disk.fail(after: "keyring.json")
            let late = await #expect(throws: KeyRingError.self) {
                try await store.change(.service("user-svc"), isDenied: true, at: ringStart)
            }
            #expect(late?.code == .notWritten && late?.message.contains("in force all the same") == true)
            #expect(late?.hint?.contains("still there") == false)
            let denials = try await store.load().ring.denials
            #expect(denials.count == 1)

            let note = [ReceiverSighting(name: "user-svc", keysAt: ringStart)]
            disk.fail(after: "receivers.json")
            let noted = await #expect(throws: KeyRingError.self) { try await store.note(note, at: ringStart) }
            #expect(noted?.message.contains("in force all the same") == true)
            #expect(try await store.receivers().sightings.count == 1)

            disk.fail(after: ".pem")
            let early = await #expect(throws: KeyRingError.self) {
                try await store.rotate(to: RingKeys.privateKey(1), at: ringStart)
            }
            #expect(early?.code == .notWritten && early?.hint == "what was there before is still there")
            #expect(try await store.load().ring.announced == nil)
        }
    }

    @Test("of a scheduled rotation does not keep the next one from being made")
    func rotatesAgain() async throws {
        try await withDisk { store, disk in
            let log = LogRecorder()
            let daily = try KeyRingParameters(announceFor: 600, retireAfter: 965, rotateEvery: 86_400)
            let issuer = try await SigningKeys(store: store, parameters: daily, logger: log.logger(), clock: { ringStart })
            let due = ringStart + 86_400 + -600
            disk.fail(after: "keyring.json")
            await issuer.reload(at: due)
            #expect(log.errors.map { $0.hasSuffix("not-written") } == [true])
            disk.fail(after: "")
            let first = try #require(try await store.load().ring.announced?.jwk.kid)
            await issuer.reload(at: due + 1)
            await issuer.reload(at: due + 600)
            #expect(issuer.snapshot.signer?.kid == first)

            await issuer.reload(at: due + 600 + 86_400)
            let ring = try await store.load().ring
            #expect(ring.announced != nil && ring.announced?.jwk.kid != first)
            #expect(ring.retired.count == 1)
            #expect(log.errors.count == 1)
        }
    }
}
