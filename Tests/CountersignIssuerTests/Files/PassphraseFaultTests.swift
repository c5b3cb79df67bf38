import CountersignCrypto
import CountersignFiles
import CountersignJOSE
import Foundation
import Synchronization
import Testing

@testable import CountersignIssuer

/// A change of the passphrase on a disk that fails, and by a process that dies, at every step.
@Suite("Key ring files: a change of the passphrase that is cut off", .serialized)
struct PassphraseFaultTests {
    /// A directory with a key that signs and one that is kept although it was revoked, neither encrypted; and a passphrase.
    private struct Ring {
        let folder: String

        init(in folder: String) async throws {
            self.folder = folder
            let keeping = try KeyRingParameters(announceFor: 600, retireAfter: 965, rotateEvery: 0, keepsRetiredKeys: true)
            let store = FileKeyRingStore(directory: directory)
            _ = try await store.save(KeyRing.first(keeping), adding: [RingKeys.privateKey(0)], replacing: nil)
            _ = try await store.rotate(immediately: true, to: RingKeys.privateKey(1), at: ringStart)
            _ = try await store.revoke(RingKeys.jwk(0).kid.rawValue, at: ringStart)
            try write("correct horse\n", to: passphrase.description)
            try FileManager.default.copyItem(atPath: directory, toPath: "\(folder)/good")
        }

        var directory: String { "\(folder)/keys" }
        var passphrase: PassphraseSource { PassphraseSource("\(folder)/passphrase") }

        /// As it was at first.
        func restore() throws {
            try FileManager.default.removeItem(atPath: directory)
            try FileManager.default.copyItem(atPath: "\(folder)/good", toPath: directory)
        }

        /// Which keys are encrypted: the kept one, the one that signs. One that is neither whole nor as it was is an issue.
        func encrypted() throws -> [Bool] {
            try ["retired/\(RingKeys.jwk(0).kid).pem", "\(RingKeys.jwk(1).kid).pem"].map { name in
                let now = try text(of: "\(directory)/\(name)")
                guard try now != text(of: "\(folder)/good/\(name)") else {
                    return false
                }
                let key = try RSAPrivateKey(pem: Array(now.utf8), passphrase: Array("correct horse".utf8))
                #expect(name.hasSuffix("\(KeyID(of: key.publicKey)).pem"))
                return true
            }
        }

        var isRecorded: Bool {
            get async throws {
                try await FileKeyRingStore(directory: directory).load().ring.history.last?.what.contains("passphrase") == true
            }
        }

        /// Nothing of a writer that died.
        func isClean() throws -> Bool {
            try (names(in: directory).union(names(in: "\(directory)/retired"))).allSatisfy { !$0.hasPrefix(".new-") }
        }

        func finish() async throws {
            try await FileKeyRingStore(directory: directory).changePassphrase(to: passphrase, at: ringStart)
            #expect(try encrypted() == [true, true])
            #expect(try await isRecorded)
            #expect(try isClean())
        }
    }

    /// The steps of a change that nothing cuts off.
    private func steps(of ring: Ring) async throws -> [FileStep] {
        let steps = StepList()
        try await FileKeyRingStore(directory: ring.directory) { step throws(SystemError) in steps.append(step) }
            .changePassphrase(to: ring.passphrase, at: ringStart)
        #expect(try ring.encrypted() == [true, true])
        try ring.restore()
        return steps.all
    }

    @Test("A disk that fails at any step: the error says what holds, and the same command again finishes what is half done")
    func failingDisk() async throws {
        try await withTemporaryFolder { folder in
            let ring = try await Ring(in: folder)
            let steps = try await steps(of: ring)
            let count = steps.count
            // What a full disk may fail at is done for all keys before the first takes its place.
            let firstInPlace = try #require(steps.firstIndex { $0.kind == .rename })
            #expect(!steps[firstInPlace...].contains { $0.path.hasSuffix(".pem") && $0.kind != .rename })
            var seen: Set<[Bool]> = []
            for step in 1...count {
                let counter = StepCounter()
                let store = FileKeyRingStore(directory: ring.directory) { fileStep throws(SystemError) in
                    if counter.next() >= step { throw SystemError("write", fileStep.path, reason: "the disk is full") }
                }
                let error = await #expect(throws: KeyRingError.self) {
                    try await store.changePassphrase(to: ring.passphrase, at: ringStart)
                }
                #expect(error?.code == .notWritten)
                #expect(error?.message.contains("the disk is full") == true)
                let encrypted = try ring.encrypted()
                let done = encrypted.count { $0 }
                let moment = Comment("full at step \(step) of \(count), \(done) changed: \(error?.description ?? "")")
                #expect(try ring.isClean(), moment)
                #expect((error?.hint == "what was there before is still there") == (done == 0), moment)
                #expect(
                    (error?.message.contains("; 1 of 2 private keys are under the new passphrase") == true) == (done == 1), moment
                )
                let isAfter =
                    error?.message.contains("in force all the same") == true || error?.message.contains("to record") == true
                #expect(isAfter == (done == 2), moment)
                if done > 0, seen.insert(encrypted).inserted { try await ring.finish() }
                try ring.restore()
            }
            // The key that signs is never the first: an issuer that starts meanwhile has the old passphrase.
            #expect(seen == [[true, false], [true, true]])
        }
    }

    @Test("Kept keys that cannot be listed are not taken for none: nothing is put under the new passphrase")
    func failingListing() async throws {
        try await withTemporaryFolder { folder in
            let ring = try await Ring(in: folder)
            let store = FileKeyRingStore(directory: ring.directory) { step throws(SystemError) in
                if step.kind == .list { throw SystemError("list", step.path, reason: "the disk failed") }
            }
            let error = await #expect(throws: KeyRingError.self) {
                try await store.changePassphrase(to: ring.passphrase, at: ringStart)
            }
            #expect(error?.code == .notWritten && error?.hint == "what was there before is still there")
            #expect(error?.message == "cannot list \(ring.directory)/retired: the disk failed")
            #expect(try ring.encrypted() == [false, false])
            #expect(try await !ring.isRecorded)
            try await ring.finish()
        }
    }

    @Test("A process killed while the new files take their places leaves whole keys, and the same command again finishes it")
    func killed() async throws {
        try await withTemporaryFolder { folder in
            let ring = try await Ring(in: folder)
            let renames = try await steps(of: ring).enumerated().filter {
                $0.element.kind == .rename && $0.element.path.hasSuffix(".pem")
            }
            #expect(renames.count == 2)
            for (index, rename) in renames.enumerated() {
                let (directory, passphrase, step) = (ring.directory, ring.passphrase.description, rename.offset + 1)
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [directory = directory as String, passphrase = passphrase as String, step = step as Int] in
                    let counter = StepCounter()
                    let store = FileKeyRingStore(directory: directory) { _ throws(SystemError) in
                        if counter.next() == step { kill(getpid(), SIGKILL) }
                    }
                    try await store.changePassphrase(to: PassphraseSource(passphrase), at: ringStart)
                }
                #expect(try ring.encrypted() == [index > 0, false])
                #expect(try !ring.isClean())
                #expect(
                    try await FileKeyRingStore(directory: directory).privateKey(for: RingKeys.jwk(1)).publicKey
                        == RingKeys.jwk(1).key)
                try await ring.finish()
                try ring.restore()
            }
        }
    }

    @Test("A link that takes the place of the kept keys' directory meanwhile leads to nothing that is read or written")
    func linkMeanwhile() async throws {
        try await withTemporaryFolder { folder in
            let ring = try await Ring(in: folder)
            let (retired, other, files) = ("\(ring.directory)/retired", "\(folder)/other", FileManager.default)
            try files.createDirectory(atPath: other, withIntermediateDirectories: false)
            let stranger = try text(of: "\(ring.directory)/\(RingKeys.jwk(1).kid).pem")
            try write(stranger, to: "\(other)/\(RingKeys.jwk(0).kid).pem")
            let store = FileKeyRingStore(directory: ring.directory) { step throws(SystemError) in
                guard step.kind == .list else { return }
                do {
                    try files.moveItem(atPath: retired, toPath: "\(folder)/away")
                    try files.createSymbolicLink(atPath: retired, withDestinationPath: other)
                } catch {
                    throw SystemError("replace", retired, reason: "\(error)")
                }
            }
            try await store.changePassphrase(to: ring.passphrase, at: ringStart)
            #expect(try text(of: "\(other)/\(RingKeys.jwk(0).kid).pem") == stranger)
            try files.removeItem(atPath: retired)
            try files.moveItem(atPath: "\(folder)/away", toPath: retired)
            #expect(try ring.encrypted() == [true, true])
        }
    }
}

/// What was done, from any thread.
private final class StepList: Sendable {
    private let steps = Mutex<[FileStep]>([])

    var all: [FileStep] { steps.withLock { $0 } }

    func append(_ step: FileStep) { steps.withLock { $0.append(step) } }
}
