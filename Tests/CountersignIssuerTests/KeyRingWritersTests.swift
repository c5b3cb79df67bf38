import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import Foundation
import Testing

@Suite("Key ring: several writers on one directory")
struct KeyRingWritersTests {
    @Test("Writers that rotate and revoke at once lose no change of another's")
    func losesNothing() async throws {
        try await withTemporaryFolder { folder in
            let directory = "\(folder)/keys"
            _ = try await FileKeyRingStore(directory: directory).initialise(at: ringStart)
            let work = try await withThrowingTaskGroup(of: Work.self) { group in
                for writer in 0..<4 {
                    group.addTask { try await Self.rotateAndRevoke(in: directory, rounds: 3, writer: writer) }
                }
                return try await group.reduce(into: Work()) { all, work in
                    all.changes += work.changes
                    all.revoked.formUnion(work.revoked)
                }
            }
            let store = FileKeyRingStore(directory: directory)
            let stored = try await store.load()
            #expect(stored.revision.number == Int64(work.changes) + 1)
            #expect(Set(stored.ring.revoked.map(\.jwk.kid)) == work.revoked)
            _ = try await store.privateKey(for: stored.ring.signing.jwk)
            // Nothing but the ring, the lock, and the private keys of keys that are in use.
            let pems = stored.ring.published.map { "\($0.kid).pem" }
            #expect(try names(in: directory) == Set(pems + ["keyring.json", "keyring.lock"]))
        }
    }

    private struct Work: Sendable {
        var changes = 0
        var revoked: Set<KeyID> = []
    }

    /// A store of its own, as another process would have.
    private static func rotateAndRevoke(in directory: String, rounds: Int, writer: Int) async throws -> Work {
        let store = FileKeyRingStore(directory: directory, lockWait: .seconds(60))
        var work = Work()
        for round in 0..<rounds {
            let now = ringStart + Int64(round)
            guard let rotation = try await rotateIfThereIsRoom(store, at: now) else {
                continue
            }
            work.changes += 1
            if (round + writer).isMultiple(of: 2) {
                _ = try await store.revoke(rotation.kid.rawValue, at: now)
                work.changes += 1
                work.revoked.insert(rotation.kid)
            }
        }
        return work
    }

    private static func rotateIfThereIsRoom(_ store: FileKeyRingStore, at now: Timestamp) async throws -> KeyRotation? {
        do {
            return try await store.rotate(immediately: true, at: now)
        } catch let error where error.code == .tooManyKeys {
            return nil
        }
    }

    @Test("Of several that make the first ring at once, one does and the others are refused")
    func oneFirstRing() async throws {
        try await withTemporaryFolder { folder in
            let made = await withTaskGroup(of: KeyRingError.Code?.self) { group in
                for _ in 0..<4 {
                    group.addTask { await Self.initialise("\(folder)/keys") }
                }
                return await group.reduce(into: [KeyRingError.Code?]()) { $0.append($1) }
            }
            #expect(made.count { $0 == nil } == 1)
            #expect(made.count { $0 == .alreadyInitialised } == 3)
        }
    }

    private static func initialise(_ directory: String) async -> KeyRingError.Code? {
        do {
            _ = try await FileKeyRingStore(directory: directory, lockWait: .seconds(60)).initialise(at: ringStart)
            return nil
        } catch {
            return error.code
        }
    }
}
