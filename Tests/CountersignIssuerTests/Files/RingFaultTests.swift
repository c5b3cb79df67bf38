import CountersignCrypto
import CountersignFiles
import CountersignJOSE
import Foundation
import Synchronization
import Testing

@testable import CountersignIssuer

/// A disk that fails, and a process that dies, at every step of every change of a key directory.
@Suite("Key ring files: every step may be the last", .serialized)
struct RingFaultTests {
    @Test(
        "A process killed at any step leaves the old ring or the new one, whole, and no living key is lost",
        arguments: RingOperation.allCases)
    func survivesKill(operation: RingOperation) async throws {
        let steps = try await steps(of: operation)
        #expect(steps >= 4)
        for step in 1...steps {
            try await withTemporaryFolder { folder in
                let directory = "\(folder)/keys"
                try await operation.prepare(directory)
                let before = try? await FileKeyRingStore(directory: directory).load()
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [directory = directory as String, operation = operation as RingOperation, step = step as Int] in
                    let counter = StepCounter()
                    try await operation.perform(directory) { _ throws(SystemError) in
                        if counter.next() == step {
                            kill(getpid(), SIGKILL)
                        }
                    }
                }
                try await check(directory, after: operation, from: before, "killed at step \(step) of \(steps)")
            }
        }
    }

    @Test(
        "A disk that is full at any step is an error that says so, and what is left is the same",
        arguments: RingOperation.allCases)
    func survivesFullDisk(operation: RingOperation) async throws {
        let steps = try await steps(of: operation)
        for step in 1...steps {
            try await withTemporaryFolder { folder in
                let directory = "\(folder)/keys"
                try await operation.prepare(directory)
                let before = try? await FileKeyRingStore(directory: directory).load()
                let counter = StepCounter()
                var isTold = false
                do {
                    try await operation.perform(directory) { fileStep throws(SystemError) in
                        if counter.next() >= step {
                            throw SystemError("write", fileStep.path, reason: "the disk is full")
                        }
                    }
                } catch let error as KeyRingError {
                    isTold = true
                    #expect(error.code == .notWritten)
                    #expect(error.message.contains("the disk is full"))
                    #expect(error.message.contains(directory))
                }
                let moment: Comment = "full at step \(step) of \(steps)"
                // What nobody was told of has not failed.
                if !isTold {
                    let left = FileKeyRingStore(directory: directory)
                    if operation == .note {
                        #expect(try await left.receivers().sightings.map(\.name) == ["search-svc"], moment)
                    } else {
                        #expect(try await left.load().revision.number == (before?.revision.number ?? 0) + 1, moment)
                    }
                }
                try await check(directory, after: operation, from: before, moment)
                #expect(try names(in: folder) == ["keys"] || operation == .initialise)
            }
        }
    }

    /// How many steps the operation takes.
    private func steps(of operation: RingOperation) async throws -> Int {
        try await withTemporaryFolder { folder in
            try await operation.prepare("\(folder)/keys")
            let counter = StepCounter()
            try await operation.perform("\(folder)/keys") { _ throws(SystemError) in _ = counter.next() }
            return counter.count
        }
    }

    /// What is left is a ring in which everything that is published can sign or did, and the operation can be done again.
    private func check(
        _ directory: String, after operation: RingOperation, from before: StoredKeyRing?, _ moment: Comment
    ) async throws {
        let store = FileKeyRingStore(directory: directory)
        if let before {
            let left = try await store.load()
            let number = left.revision.number
            #expect(number == before.revision.number || number == before.revision.number + 1, moment)
            #expect(left.ring.entries.count { $0.state == .signing } == 1, moment)
            if number == before.revision.number {
                #expect(left.ring == before.ring, moment)
            }
            for key in [left.ring.signing.jwk, left.ring.announced?.jwk].compactMap(\.self) {
                _ = try await store.privateKey(for: key)
            }
            // Tokens of a key that was published live on, unless somebody revoked it.
            let revoked = Set(left.ring.revoked.map(\.jwk.kid))
            if operation != .retire, operation != .retireAndKeep {
                #expect(
                    Set(before.ring.published.map(\.kid)).subtracting(revoked).isSubset(of: left.ring.published.map(\.kid)),
                    moment
                )
            }
            _ = try await store.receivers()
        }
        // Whoever comes next finds a directory to go on with.
        if (try? await store.load()) != nil {
            _ = try await store.change(.service("next"), isDenied: true, at: ringStart + 9001)
        } else {
            #expect(operation == .initialise, moment)
            _ = try await store.initialise(with: RingKeys.privateKey(5), at: ringStart)
        }
        #expect(try names(in: directory).allSatisfy { !$0.hasPrefix(".new-") }, moment)
        let left = try await store.load().ring
        for entry in left.entries where entry.state == .retired || entry.state == .revoked {
            #expect(!FileManager.default.fileExists(atPath: "\(directory)/\(entry.kid).pem"), moment)
        }
    }
}

/// Counts from 1, from any thread.
final class StepCounter: Sendable {
    private let steps = Mutex(0)

    var count: Int { steps.withLock { $0 } }

    func next() -> Int {
        steps.withLock { steps in
            steps += 1
            return steps
        }
    }
}
