import CountersignCrypto
import CountersignJOSE
import Foundation
import Testing

@testable import CountersignIssuer

@Suite("Key ring files: older and newer versions, retired keys")
struct RingMigrationTests {
    @Test("A ring of version 1 is read as it was meant, kept aside, and written as the present version by the next change")
    func migrates() async throws {
        try await withTemporaryFolder { folder in
            let directory = "\(folder)/keys"
            try await RingOperation.migrate.prepare(directory)
            let old = try text(of: "\(directory)/keyring.json")
            let store = FileKeyRingStore(directory: directory)
            let read = try await store.load()
            #expect(read.ring.parameters == .standard)
            #expect(read.ring.denials.isEmpty && read.ring.history.isEmpty && read.ring.statusNumber == 0)
            #expect(try text(of: "\(directory)/keyring.json") == old)

            let changed = try await store.change(.service("user-svc"), isDenied: true, at: ringStart + 700)
            #expect(changed.revision.number == read.revision.number + 1)
            #expect(try text(of: "\(directory)/keyring.json").contains("\"version\": 2"))
            #expect(try text(of: "\(directory)/keyring-v1.json") == old)
            #expect(try mode(of: "\(directory)/keyring-v1.json") == 0o600)
            #expect(try await store.load().ring.entries == read.ring.entries)
        }
    }

    @Test("A revoked key of a ring of version 1 counts in its status number")
    func migratesRevocations() async throws {
        try await withTemporaryFolder { folder in
            let directory = "\(folder)/keys"
            try await RingOperation.deny.prepare(directory)
            let store = FileKeyRingStore(directory: directory)
            _ = try await store.revoke(RingKeys.jwk(2).kid.rawValue, at: ringStart + 700)
            let path = "\(directory)/keyring.json"
            try write(try RingOperation.asVersion1(try text(of: path)), to: path)
            #expect(try await store.load().ring.statusNumber == 1)
        }
    }

    @Test("A ring of a later version is refused and left as it is")
    func refusesLater() async throws {
        try await withTemporaryFolder { folder in
            let directory = "\(folder)/keys"
            try await RingOperation.deny.prepare(directory)
            let path = "\(directory)/keyring.json"
            let later = try text(of: path).replacingOccurrences(of: "\"version\": 2", with: "\"version\": 3")
            try write(later, to: path)
            let error = await #expect(throws: KeyRingError.self) {
                try await FileKeyRingStore(directory: directory).rotate(immediately: true, at: ringStart + 5000)
            }
            #expect(error?.code == .unsupportedVersion)
            #expect(try text(of: path) == later)
        }
    }

    @Test("Retired and revoked private keys are put aside where the ring says so, closed to others")
    func keepsRetired() async throws {
        try await withTemporaryFolder { folder in
            let directory = "\(folder)/keys"
            try await RingOperation.retireAndKeep.prepare(directory)
            try await RingOperation.retireAndKeep.perform(directory, observer: nil)
            let kid = try RingKeys.jwk(0).kid
            #expect(try mode(of: "\(directory)/retired") == 0o700)
            #expect(try mode(of: "\(directory)/retired/\(kid).pem") == 0o600)
            #expect(!FileManager.default.fileExists(atPath: "\(directory)/\(kid).pem"))
        }
    }
}
