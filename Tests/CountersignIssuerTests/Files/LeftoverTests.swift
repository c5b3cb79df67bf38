import CountersignCrypto
import CountersignFiles
import CountersignJOSE
import Foundation
import Testing

@testable import CountersignIssuer

/// The private key of a key that is gone, left by a writer that died before it removed it.
@Suite("Key ring files: what a crash leaves goes when an issuer starts", .serialized)
struct LeftoverTests {
    private func code(_ body: () async throws -> Void) async throws -> KeyRingError.Code? {
        do {
            try await body()
            return nil
        } catch let error as KeyRingError {
            return error.code
        }
    }

    /// A ring in which key 0 is revoked and key 1 signs, with the private key of key 0 as if its writer had died.
    private func withLeftKey(_ body: (FileKeyRingStore, _ directory: String, _ left: String) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let directory = "\(folder)/keys"
            let store = FileKeyRingStore(directory: directory)
            _ = try await store.initialise(with: RingKeys.privateKey(0), at: ringStart)
            let left = "\(directory)/\(try RingKeys.jwk(0).kid).pem"
            let pem = try text(of: left)
            _ = try await store.rotate(immediately: true, to: RingKeys.privateKey(1), at: ringStart)
            _ = try await store.revoke(RingKeys.jwk(0).kid.rawValue, at: ringStart)
            try write(pem, to: left)
            try await body(store, directory, left)
        }
    }

    private func start(_ store: FileKeyRingStore) async throws -> LogRecorder {
        let log = LogRecorder()
        let issuer = try await SigningKeys(store: store, parameters: .standard, logger: log.logger(), clock: { ringStart })
        #expect(issuer.snapshot.signer?.kid == (try RingKeys.jwk(1).kid))
        return log
    }

    private static let line = "notice removed the private key of a key that is gone"

    @Test(
        "A process killed at any step: after the next start no private key of a key that is gone is left, and all others are",
        arguments: [RingOperation.revokeSigning, .revokeAnnounced, .retire, .retireAndKeep])
    func killed(operation: RingOperation) async throws {
        let steps = try await withTemporaryFolder { folder in
            try await operation.prepare("\(folder)/keys")
            let counter = StepCounter()
            try await operation.perform("\(folder)/keys") { _ throws(SystemError) in _ = counter.next() }
            return counter.count
        }
        var cleared = 0
        for step in 1...steps {
            try await withTemporaryFolder { folder in
                let directory = "\(folder)/keys"
                try await operation.prepare(directory)
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [directory = directory as String, operation = operation as RingOperation, step = step as Int] in
                    let counter = StepCounter()
                    try await operation.perform(directory) { _ throws(SystemError) in
                        if counter.next() == step { kill(getpid(), SIGKILL) }
                    }
                }
                let store = FileKeyRingStore(directory: directory)
                let before = try await store.load()
                let done = try await store.clearLeftovers()
                cleared += done.kids.count
                #expect(done.leftover == nil)
                #expect(try await store.load().revision == before.revision)
                // A key that was made and not yet named by the ring is nobody's to remove.
                let pems = Set(try names(in: directory).filter { $0.hasSuffix(".pem") })
                #expect(before.ring.published.allSatisfy { pems.contains("\($0.kid).pem") })
                for entry in before.ring.entries where entry.state == .retired || entry.state == .revoked {
                    #expect(!pems.contains("\(entry.kid).pem"))
                    let isKept = FileManager.default.fileExists(atPath: "\(directory)/retired/\(entry.kid).pem")
                    #expect(isKept == (operation == .retireAndKeep))
                }
                #expect(try names(in: directory).allSatisfy { !$0.hasPrefix(".new-") })
                #expect(try await store.clearLeftovers().kids.isEmpty)
            }
        }
        #expect(cleared > 0)
    }

    @Test("It is removed and logged once; files of other names, kept keys, and keys that the ring never named stay")
    func removes() async throws {
        try await withLeftKey { store, directory, left in
            let foreign = try RingKeys.privateKey(5).pem().withBytes { String(decoding: $0, as: UTF8.self) }
            let others = [
                "\(KeyID(of: try RingKeys.privateKey(5).publicKey)).pem", "notes.txt", "retired/old.pem",
                "backup/\(left.split(separator: "/").last ?? "")",
            ]
            for name in ["retired", "backup"] {
                try FileManager.default.createDirectory(atPath: "\(directory)/\(name)", withIntermediateDirectories: false)
            }
            for name in others { try write(foreign, to: "\(directory)/\(name)") }
            try write("half of", to: "\(directory)/.new-1")
            let before = try await store.load().revision
            #expect(try await start(store).lines.filter { $0 == Self.line }.count == 1)
            #expect(!FileManager.default.fileExists(atPath: left))
            #expect(try names(in: directory).allSatisfy { !$0.hasPrefix(".new-") })
            for name in others { #expect(try text(of: "\(directory)/\(name)") == foreign) }
            _ = try await store.privateKey(for: RingKeys.jwk(1))
            #expect(try await store.load().revision == before)
            #expect(try await !start(store).lines.contains(Self.line))
        }
    }

    @Test("While another writer holds the lock nothing is removed, and the start neither waits nor fails")
    func leavesWriters() async throws {
        try await withLeftKey { store, directory, left in
            try write("half of", to: "\(directory)/.new-1")
            let lock = try #require(FileHandle(forUpdatingAtPath: "\(directory)/keyring.lock"))
            #expect(flock(lock.fileDescriptor, LOCK_EX) == 0)
            let slow = FileKeyRingStore(directory: directory, lockWait: .seconds(3600))
            let log = try await start(slow)
            #expect(!log.lines.contains(Self.line) && log.errors.isEmpty)
            #expect(try names(in: directory).contains(".new-1") && FileManager.default.fileExists(atPath: left))
            try lock.close()
            #expect(try await start(slow).lines.contains(Self.line))
            #expect(!FileManager.default.fileExists(atPath: left))
        }
    }

    @Test("One that cannot be removed is said in the log, and the issuer starts; without one nothing is opened for writing")
    func saysWhatIsLeft() async throws {
        try await withLeftKey { store, directory, left in
            let failing = FileKeyRingStore(directory: directory) { step throws(SystemError) in
                if step.kind == .remove { throw SystemError("remove", step.path, reason: "the disk failed") }
            }
            let log = try await start(failing)
            #expect(log.errors == ["error a private key is kept longer than it should be not-written"])
            #expect(!log.lines.contains(Self.line) && FileManager.default.fileExists(atPath: left))

            // A lock that cannot be opened stands for a directory that cannot be written, also for the superuser.
            let lock = "\(directory)/keyring.lock"
            try FileManager.default.removeItem(atPath: lock)
            try FileManager.default.createDirectory(atPath: lock, withIntermediateDirectories: false)
            #expect(
                try await start(store).errors == ["error what a crash left in the key directory cannot be removed not-written"])
            try FileManager.default.removeItem(atPath: left)
            #expect(try await start(store).errors.isEmpty)
            #expect(try await code { _ = try await store.rotate(at: ringStart) } == .notWritten)
        }
    }
}
