import CountersignCrypto
import CountersignFiles
import CountersignJOSE
import CountersignJSON
import Foundation
import Testing

@testable import CountersignIssuer

@Suite("Key ring files: modes, leftovers, damage")
struct KeyRingFileTests {
    /// A ring in `keys` of a temporary folder, with a signing and an announced key.
    private func withRing(_ body: (FileKeyRingStore, String, KeyRing) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let store = FileKeyRingStore(directory: "\(folder)/keys", lockWait: .milliseconds(200))
            var stored = try await store.save(KeyRing.first(), adding: [RingKeys.privateKey(0)], replacing: nil)
            let ring = try stored.ring.applying(.announce(RingKeys.jwk(1)), at: ringStart)
            stored = try await store.save(ring, adding: [RingKeys.privateKey(1)], replacing: stored.revision)
            try await body(store, "\(folder)/keys", stored.ring)
        }
    }

    private func code(_ body: () async throws -> Void) async throws -> KeyRingError.Code? {
        do {
            try await body()
            return nil
        } catch let error as KeyRingError {
            return error.code
        }
    }

    @Test("The directory has mode 700, every file 600, and keys are named by their thumbprints")
    func modesAndNames() async throws {
        try await withRing { _, directory, ring in
            let pems = ring.published.map { "\($0.kid).pem" }
            #expect(try names(in: directory) == Set(pems + ["keyring.json", "keyring.lock"]))
            #expect(try mode(of: directory) == 0o700)
            for name in try names(in: directory) {
                #expect(try mode(of: "\(directory)/\(name)") == 0o600)
            }
            for key in ring.published {
                let pem = Array(try text(of: "\(directory)/\(key.kid).pem").utf8)
                #expect(KeyID(of: try RSAPrivateKey(pem: pem).publicKey) == key.kid)
            }
        }
    }

    @Test("A private key is one that openssl reads, and it finds it consistent")
    func opensslReadsKeys() async throws {
        try await withRing { _, directory, ring in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["openssl", "pkey", "-in", "\(directory)/\(ring.signing.jwk.kid).pem", "-check", "-noout"]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            process.waitUntilExit()
            let data = try output.fileHandleForReading.readToEnd() ?? Data()
            #expect(process.terminationStatus == 0)
            #expect(String(decoding: data, as: UTF8.self).contains("Key is valid"))
        }
    }

    @Test("An empty directory is closed to others on the first key; one that holds something is refused when it is open")
    func closesDirectory() async throws {
        try await withTemporaryFolder { folder in
            try setMode(of: folder, 0o755)
            _ = try await FileKeyRingStore(directory: folder).initialise(at: ringStart)
            #expect(try mode(of: folder) == 0o700)
        }
        try await withTemporaryFolder { folder in
            try write("", to: "\(folder)/notes.txt")
            try setMode(of: folder, 0o755)
            let refused = try await code { _ = try await FileKeyRingStore(directory: folder).initialise(at: ringStart) }
            #expect(refused == .permissions)
            #expect(try names(in: folder) == ["notes.txt"])
        }
    }

    @Test(
        "What the superuser writes belongs to the directory's owner, or the issuer could not read it",
        .enabled(if: geteuid() == 0)
    )
    func givesFilesToOwner() async throws {
        try await withRing { store, directory, _ in
            let files = FileManager.default
            for path in try [directory] + names(in: directory).map({ "\(directory)/\($0)" }) {
                try files.setAttributes([.ownerAccountID: 4321], ofItemAtPath: path)
            }
            _ = try await store.rotate(immediately: true, at: ringStart)
            // Those that are put aside, too.
            let kept = try KeyRingParameters(announceFor: 600, retireAfter: 965, rotateEvery: 0, keepsRetiredKeys: true)
            _ = try await store.update { stored throws(KeyRingError) in
                KeyRingChange(try stored.ring.applying(.adopt(kept), at: ringStart).settled(at: ringStart + 9000))
            }
            #expect(try names(in: directory).contains("retired"))
            for name in try names(in: directory) {
                let attributes = try files.attributesOfItem(atPath: "\(directory)/\(name)")
                #expect((attributes[.ownerAccountID] as? NSNumber)?.intValue == 4321)
            }
        }
    }

    @Test("A lock file that has another name is refused, and is not given to anybody")
    func refusesLinkedLock() async throws {
        try await withRing { store, directory, _ in
            let other = "\(directory)/../other"
            try write("", to: other)
            try FileManager.default.removeItem(atPath: "\(directory)/keyring.lock")
            try FileManager.default.linkItem(atPath: other, toPath: "\(directory)/keyring.lock")
            let error = await #expect(throws: KeyRingError.self) { try await store.rotate(immediately: true, at: ringStart) }
            #expect(error?.code == .notWritten && error?.message.contains("keyring.lock") == true)
        }
    }

    /// Revokes the announced key of a ring that keeps its retired keys, and gives what was left.
    private func revokeAndKeep(_ store: FileKeyRingStore) async throws -> String? {
        let kept = try KeyRingParameters(announceFor: 600, retireAfter: 965, rotateEvery: 0, keepsRetiredKeys: true)
        _ = try await store.update { stored throws(KeyRingError) in
            KeyRingChange(try stored.ring.applying(.adopt(kept), at: ringStart))
        }
        return try await store.revoke(try RingKeys.jwk(1).kid.rawValue, at: ringStart).stored.leftover
    }

    private func owner(of path: String) throws -> Int? {
        (try FileManager.default.attributesOfItem(atPath: path)[.ownerAccountID] as? NSNumber)?.intValue
    }

    @Test("No key is moved through a link, and where it leads nothing is given away or rewritten; what is left is said")
    func refusesLinkedRetired() async throws {
        try await withRing { store, directory, _ in
            let (files, other, kid) = (FileManager.default, "\(directory)/../other", try RingKeys.jwk(1).kid)
            try files.createDirectory(atPath: other, withIntermediateDirectories: false)
            let stranger = try text(of: "\(directory)/\(kid).pem")
            try write(stranger, to: "\(other)/stranger.pem")
            let before = try owner(of: other)
            if geteuid() == 0 { try files.setAttributes([.ownerAccountID: 4321], ofItemAtPath: directory) }
            try files.createSymbolicLink(atPath: "\(directory)/retired", withDestinationPath: other)

            let leftover = try await revokeAndKeep(store)
            #expect(leftover?.contains("\(directory)/retired: it is a symbolic link") == true)
            #expect(files.fileExists(atPath: "\(directory)/\(kid).pem"))
            #expect(try owner(of: other) == before)

            try write("secret", to: "\(directory)/passphrase")
            let refused = try await code {
                try await store.changePassphrase(to: PassphraseSource("\(directory)/passphrase"), at: ringStart)
            }
            #expect(refused == .notWritten)
            #expect(try names(in: other) == ["stranger.pem"] && text(of: "\(other)/stranger.pem") == stranger)
        }
    }

    @Test("A directory of kept keys that was there is used and not given to anybody", .enabled(if: geteuid() == 0))
    func keepsOwnerOfRetired() async throws {
        try await withRing { store, directory, _ in
            let files = FileManager.default
            try files.setAttributes([.ownerAccountID: 4321], ofItemAtPath: directory)
            try files.createDirectory(atPath: "\(directory)/retired", withIntermediateDirectories: false)
            try files.setAttributes([.ownerAccountID: 1234], ofItemAtPath: "\(directory)/retired")
            #expect(try await revokeAndKeep(store) == nil)
            #expect(try owner(of: "\(directory)/retired") == 1234)
            #expect(try names(in: "\(directory)/retired") == ["\(RingKeys.jwk(1).kid).pem"])
        }
    }

    @Test("A private key that cannot be removed is said, and the change stands")
    func saysWhatIsLeft() async throws {
        try await withTemporaryFolder { folder in
            let store = FileKeyRingStore(directory: "\(folder)/keys") { step throws(SystemError) in
                if step.kind == .remove { throw SystemError("remove", step.path, reason: "the disk failed") }
            }
            _ = try await store.initialise(with: RingKeys.privateKey(0), at: ringStart)
            let log = LogRecorder()
            let issuer = try await SigningKeys(store: store, parameters: .standard, logger: log.logger(), clock: { ringStart })
            let revocation = try await store.revoke(RingKeys.jwk(0).kid.rawValue, at: ringStart)
            #expect(revocation.stored.leftover?.contains("is still there") == true)
            let report = try await store.perform(.rotate(immediately: true, force: false), by: .unnamed, at: ringStart)
            #expect(report.strings("warnings")?.first?.contains(try RingKeys.jwk(0).kid.rawValue) == true)
            await issuer.reload(at: ringStart + 9000)
            #expect(log.errors.contains("error a private key is kept longer than it should be not-written"))
        }
    }

    @Test("A directory others may enter is refused with what to do", arguments: [0o750, 0o701, 0o770])
    func refusesOpenDirectory(mode: Int) async throws {
        try await withRing { store, directory, _ in
            try setMode(of: directory, mode)
            let error = await #expect(throws: KeyRingError.self) { try await store.load() }
            #expect(error?.code == .permissions)
            #expect(error?.hint == "chmod 700 \(directory)")
            #expect(try await code { _ = try await store.revoke(RingKeys.jwk(1).kid.rawValue, at: ringStart) } == .permissions)
        }
    }

    @Test("A private key others may read is refused with what to do", arguments: [0o640, 0o604, 0o660])
    func refusesOpenKey(mode: Int) async throws {
        try await withRing { store, directory, ring in
            let path = "\(directory)/\(ring.signing.jwk.kid).pem"
            try setMode(of: path, mode)
            let error = await #expect(throws: KeyRingError.self) { try await store.privateKey(for: ring.signing.jwk) }
            #expect(error?.code == .permissions)
            #expect(error?.hint == "chmod 600 \(path)")
        }
    }

    @Test("A keyring.json others may change is refused; one others may only read is accepted")
    func refusesWritableRing() async throws {
        try await withRing { store, directory, ring in
            try setMode(of: "\(directory)/keyring.json", 0o664)
            #expect(try await code { _ = try await store.load() } == .permissions)
            try setMode(of: "\(directory)/keyring.json", 0o644)
            #expect(try await store.load().ring == ring)
        }
    }

    @Test("A missing private key names its file and what to do, and does not hide the ring")
    func missingKey() async throws {
        try await withRing { store, directory, ring in
            let path = "\(directory)/\(ring.signing.jwk.kid).pem"
            try FileManager.default.removeItem(atPath: path)
            let error = await #expect(throws: KeyRingError.self) { try await store.privateKey(for: ring.signing.jwk) }
            #expect(error?.code == .privateKeyMissing)
            #expect(error?.message.contains(path) == true)
            #expect(error?.hint?.contains("countersign keys revoke --keys \(directory) -- \(ring.signing.jwk.kid)") == true)
            #expect(try await store.load().ring == ring)
        }
    }

    @Test("What the hint for a lost key says works: the key is revoked and another one signs")
    func revokesLostKeys() async throws {
        try await withRing { store, directory, ring in
            for key in ring.published {
                try FileManager.default.removeItem(atPath: "\(directory)/\(key.kid).pem")
            }
            let revocation = try await store.revoke(ring.signing.jwk.kid.rawValue, at: ringStart + 1)
            let signing = revocation.stored.ring.signing.jwk
            #expect(!ring.published.contains(signing))
            _ = try await store.privateKey(for: signing)
        }
    }

    @Test("Swapped private keys are refused")
    func swappedKeys() async throws {
        try await withRing { store, directory, ring in
            let paths = ring.published.map { "\(directory)/\($0.kid).pem" }
            let texts = try paths.map(text(of:))
            try write(texts[1], to: paths[0])
            try write(texts[0], to: paths[1])
            for key in ring.published {
                #expect(try await code { _ = try await store.privateKey(for: key) } == .privateKeyWrong)
            }
        }
    }

    @Test("A private key cut short, empty, too long, a link or a directory is refused")
    func damagedKeys() async throws {
        try await withRing { store, directory, ring in
            let path = "\(directory)/\(ring.signing.jwk.kid).pem"
            let whole = try text(of: path)
            for damaged in ["", String(whole.prefix(800)), "-----BEGIN PUBLIC KEY-----\n"] {
                try write(damaged, to: path)
                #expect(try await code { _ = try await store.privateKey(for: ring.signing.jwk) } == .privateKeyWrong)
            }
            try write(String(repeating: "x", count: 70_000), to: path)
            #expect(try await code { _ = try await store.privateKey(for: ring.signing.jwk) } == .unreadable)
            try write(whole, to: "\(directory)/elsewhere.pem")
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "\(directory)/elsewhere.pem")
            #expect(try await code { _ = try await store.privateKey(for: ring.signing.jwk) } == .unreadable)
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            #expect(try await code { _ = try await store.privateKey(for: ring.signing.jwk) } == .privateKeyWrong)
        }
    }

    @Test("A private key the ring does not name is ignored and kept")
    func foreignKey() async throws {
        try await withRing { store, directory, ring in
            let foreign = try RingKeys.privateKey(5)
            let path = "\(directory)/\(KeyID(of: foreign.publicKey)).pem"
            try write(try foreign.pem().withBytes { String(decoding: $0, as: UTF8.self) }, to: path)
            #expect(try await store.load().ring == ring)
            _ = try await store.revoke(RingKeys.jwk(1).kid.rawValue, at: ringStart)
            #expect(FileManager.default.fileExists(atPath: path))
        }
    }

    @Test("What a crash leaves behind disturbs no reader and goes with the next change")
    func leftovers() async throws {
        try await withRing { store, directory, ring in
            // Died while writing a private key and while writing the ring; and after a key was in place, before the ring was.
            try write("-----BEGIN PRIV", to: "\(directory)/.new-1")
            try write("{\"version\": 1, \"rev", to: "\(directory)/.new-2")
            let orphan = try RingKeys.privateKey(2)
            let path = "\(directory)/\(KeyID(of: orphan.publicKey)).pem"
            try write(try orphan.pem().withBytes { String(decoding: $0, as: UTF8.self) }, to: path)
            #expect(try await store.load().ring == ring)
            _ = try await store.update { stored throws(KeyRingError) in
                KeyRingChange(stored.ring.settled(at: ringStart + 600))
            }
            #expect(try names(in: directory).allSatisfy { !$0.hasPrefix(".new-") })
        }
    }

    @Test("A first key that was interrupted before its ring was there can be made again")
    func interruptedInit() async throws {
        try await withTemporaryFolder { folder in
            try setMode(of: folder, 0o700)
            try write("", to: "\(folder)/keyring.lock")
            let orphan = try RingKeys.privateKey(2)
            try write(
                try orphan.pem().withBytes { String(decoding: $0, as: UTF8.self) },
                to: "\(folder)/\(KeyID(of: orphan.publicKey)).pem"
            )
            let stored = try await FileKeyRingStore(directory: folder).initialise(at: ringStart)
            #expect(stored.revision.number == 1)
        }
    }

    @Test("Nothing is saved over a ring that cannot be read")
    func keepsDamagedRing() async throws {
        try await withRing { store, directory, ring in
            let revision = try await store.load().revision
            try write("{}", to: "\(directory)/keyring.json")
            #expect(try await code { _ = try await store.save(ring, adding: [], replacing: revision) } == .malformed)
            #expect(try await code { _ = try await store.initialise(at: ringStart) } == .malformed)
            #expect(try text(of: "\(directory)/keyring.json") == "{}")
        }
    }

    @Test("A change by hand under the same revision is noticed, and conflicts with a change made before it")
    func noticesHandEdits() async throws {
        try await withRing { store, directory, ring in
            let before = try await store.load()
            let path = "\(directory)/keyring.json"
            try write(try text(of: path).replacingOccurrences(of: "\"announceFor\": 600", with: "\"announceFor\": 700"), to: path)
            let after = try #require(try await store.load(unless: before.revision))
            #expect(after.ring.parameters.announceFor == 700)
            #expect(after.revision.number == before.revision.number)
            #expect(try await code { _ = try await store.save(ring, adding: [], replacing: before.revision) } == .conflict)
        }
    }

    @Test("A lock that is held is waited for, and given up on in time with what holds it")
    func waitsForLock() async throws {
        try await withRing { store, directory, ring in
            let lock = try #require(FileHandle(forUpdatingAtPath: "\(directory)/keyring.lock"))
            #expect(flock(lock.fileDescriptor, LOCK_EX) == 0)
            let revision = try await store.load().revision
            let error = await #expect(throws: KeyRingError.self) {
                try await store.save(ring.settled(at: ringStart + 600), adding: [], replacing: revision)
            }
            #expect(error?.code == .locked)
            #expect(error?.message.contains("\(directory)/keyring.lock") == true)
            // Reading needs no lock.
            #expect(try await store.load().ring == ring)
            async let waiting = FileKeyRingStore(directory: directory).save(
                ring.settled(at: ringStart + 600), adding: [], replacing: revision
            )
            try lock.close()
            #expect(try await waiting.revision.number == revision.number + 1)
        }
    }
}
