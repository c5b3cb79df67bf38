import CountersignCrypto
import CountersignFiles
import CountersignIssuer
import CountersignJOSE
import Foundation
import Synchronization
import Testing

@Suite("Signing keys of a running issuer")
struct KeyRingSigningKeysTests {
    /// An issuer's keys on a fresh ring in a directory, and another view of it, as the command line has.
    private func withIssuer(
        _ parameters: KeyRingParameters = .standard,
        _ body: (SigningKeys, FileKeyRingStore, String, LogRecorder) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let directory = "\(folder)/keys"
            let commandLine = FileKeyRingStore(directory: directory)
            _ = try await commandLine.save(KeyRing.first(), adding: [RingKeys.privateKey(0)], replacing: nil)
            let log = LogRecorder()
            let issuer = try await SigningKeys(
                store: FileKeyRingStore(directory: directory), parameters: parameters, logger: log.logger(), clock: { ringStart }
            )
            try await body(issuer, commandLine, directory, log)
        }
    }

    @Test("An issuer does not start without a ring, and makes none")
    func refusesToStart() async throws {
        try await withTemporaryFolder { folder in
            let directory = "\(folder)/keys"
            let error = await #expect(throws: KeyRingError.self) {
                try await SigningKeys(
                    store: FileKeyRingStore(directory: directory), parameters: .standard, logger: LogRecorder().logger()
                )
            }
            #expect(error?.code == .notInitialised)
            #expect(error?.hint == "countersign keys init --keys \(directory)")
            #expect(!FileManager.default.fileExists(atPath: directory))
        }
    }

    @Test("An issuer does not start without the private key of its signing key, and leaves the ring as it is")
    func refusesToStartWithoutKey() async throws {
        try await withTemporaryFolder { folder in
            let store = FileKeyRingStore(directory: "\(folder)/keys")
            let stored = try await store.save(KeyRing.first(), adding: [RingKeys.privateKey(0)], replacing: nil)
            try FileManager.default.removeItem(atPath: "\(folder)/keys/\(stored.ring.signing.jwk.kid).pem")
            let error = await #expect(throws: KeyRingError.self) {
                let longer = try KeyRingParameters(announceFor: 700, retireAfter: 2000, rotateEvery: 0)
                return try await SigningKeys(store: store, parameters: longer, logger: LogRecorder().logger())
            }
            #expect(error?.code == .privateKeyMissing)
            #expect(try await store.load().revision == stored.revision)
        }
    }

    @Test("A snapshot has the signer, the key set and its tag, and tokens of it verify with the key set")
    func snapshot() async throws {
        try await withIssuer { issuer, store, _, _ in
            let snapshot = issuer.snapshot
            let ring = try await store.load().ring
            #expect(snapshot.signingKeyID == ring.signing.jwk.kid)
            #expect(snapshot.signer?.kid == snapshot.signingKeyID)
            #expect(snapshot.jwks == (try ring.keySet().json))
            #expect(try JWKSet(json: snapshot.jwks).keys == ring.published)
            #expect(snapshot.etag.hasPrefix("\"") && snapshot.etag.hasSuffix("\"") && snapshot.etag.utf8.count == 45)
            #expect(snapshot.generation == 1)
        }
    }

    @Test("What the command line changes is in force after the next look, and nothing is rebuilt when nothing changed")
    func seesChanges() async throws {
        try await withIssuer { issuer, store, _, _ in
            let before = issuer.snapshot
            await issuer.reload(at: ringStart)
            #expect(issuer.snapshot.generation == before.generation)

            let rotation = try await store.rotate(at: ringStart)
            await issuer.reload(at: ringStart)
            #expect(issuer.snapshot.keySet[rotation.kid] != nil)
            #expect(issuer.snapshot.etag != before.etag)
            #expect(issuer.snapshot.signingKeyID == before.signingKeyID)

            let promoted = try await store.rotate(immediately: true, at: ringStart + 1)
            let announcedTag = issuer.snapshot.etag
            await issuer.reload(at: ringStart + 1)
            #expect(issuer.snapshot.signer?.kid == promoted.kid)
            #expect(issuer.snapshot.etag == announcedTag)

            _ = try await store.revoke(promoted.kid.rawValue, at: ringStart + 2)
            await issuer.reload(at: ringStart + 2)
            #expect(issuer.snapshot.signer?.kid != promoted.kid)
            #expect(issuer.snapshot.keySet[promoted.kid] == nil)
        }
    }

    @Test("The issuer promotes an announced key when its time has come, not a second sooner, and retires the old one")
    func settles() async throws {
        try await withIssuer { issuer, store, _, _ in
            let first = issuer.snapshot.signingKeyID
            let rotation = try await store.rotate(at: ringStart)
            await issuer.reload(at: ringStart + 599)
            #expect(issuer.snapshot.signingKeyID == first)
            await issuer.reload(at: ringStart + 600)
            #expect(issuer.snapshot.signer?.kid == rotation.kid)
            #expect(issuer.snapshot.keySet[first] != nil)
            await issuer.reload(at: ringStart + 600 + 964)
            #expect(issuer.snapshot.keySet[first] != nil)
            await issuer.reload(at: ringStart + 600 + 965)
            #expect(issuer.snapshot.keySet[first] == nil)
            #expect(try await store.load().ring.states(of: RingKeys.jwk(0)) == [.retired])
        }
    }

    @Test("run() takes a change over by itself, and ends when it is cancelled")
    func runs() async throws {
        try await withTemporaryFolder { folder in
            let store = FileKeyRingStore(directory: "\(folder)/keys")
            _ = try await store.save(KeyRing.first(), adding: [RingKeys.privateKey(0)], replacing: nil)
            let issuer = try await SigningKeys(
                store: FileKeyRingStore(directory: "\(folder)/keys"), parameters: .standard, logger: LogRecorder().logger(),
                pollEvery: .milliseconds(20), clock: { ringStart }
            )
            let running = Task { try await issuer.run() }
            let rotation = try await store.rotate(immediately: true, at: ringStart)
            let deadline = ContinuousClock.now.advanced(by: .seconds(30))
            while issuer.snapshot.signer?.kid != rotation.kid, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(issuer.snapshot.signer?.kid == rotation.kid)
            running.cancel()
            try await running.value
        }
    }

    @Test("A ring damaged while the issuer runs leaves its keys in force, is logged once, and is read again when mended")
    func survivesDamage() async throws {
        try await withIssuer { issuer, store, directory, log in
            let before = issuer.snapshot
            let path = "\(directory)/keyring.json"
            let whole = try text(of: path)
            try write(String(whole.prefix(100)), to: path)
            for second in 0..<3 {
                await issuer.reload(at: ringStart + Int64(second))
            }
            #expect(issuer.snapshot.signer?.kid == before.signer?.kid)
            #expect(issuer.snapshot.jwks == before.jwks)
            #expect(log.errors.count == 1)
            #expect(log.errors.first?.hasSuffix(" malformed") == true)

            try FileManager.default.removeItem(atPath: path)
            await issuer.reload(at: ringStart)
            await issuer.reload(at: ringStart)
            #expect(log.errors.count == 2)
            #expect(log.errors.last?.hasSuffix(" not-initialised") == true)
            #expect(issuer.snapshot.signer != nil)

            try write(whole, to: path)
            let rotation = try await store.rotate(at: ringStart)
            await issuer.reload(at: ringStart)
            #expect(issuer.snapshot.keySet[rotation.kid] != nil)
            #expect(log.errors.count == 2)
        }
    }

    @Test("An announced key without its private key is logged once and not promoted; given back, it is")
    func keepsSigningWithoutAnnouncedKey() async throws {
        try await withIssuer { issuer, store, directory, log in
            let first = issuer.snapshot.signingKeyID
            let rotation = try await store.rotate(at: ringStart)
            let path = "\(directory)/\(rotation.kid).pem"
            let pem = try text(of: path)
            try FileManager.default.removeItem(atPath: path)
            await issuer.reload(at: ringStart + 1)
            await issuer.reload(at: ringStart + 600)
            #expect(issuer.snapshot.signer?.kid == first)
            #expect(log.errors.count == 1)
            #expect(log.errors.first?.hasSuffix(" private-key-missing") == true)

            try write(pem, to: path)
            await issuer.reload(at: ringStart + 601)
            #expect(issuer.snapshot.signer?.kid == rotation.kid)
        }
    }

    @Test("When another key signs whose private key cannot be had, the old one signs no more; given back, the new one does")
    func doesNotSignWithDemotedKey() async throws {
        try await withIssuer { issuer, store, directory, log in
            let rotation = try await store.rotate(immediately: true, at: ringStart)
            let path = "\(directory)/\(rotation.kid).pem"
            try setMode(of: path, 0o640)
            await issuer.reload(at: ringStart + 1)
            #expect(issuer.snapshot.signer == nil)
            #expect(issuer.snapshot.signingKeyID == rotation.kid)
            #expect(issuer.snapshot.keySet.keys.count == 2)
            #expect(log.errors.count == 1)
            #expect(log.errors.first?.hasSuffix(" permissions") == true)

            // It is looked for again with each look at the store, and told of once.
            let told = log.lines
            for second in 2..<5 { await issuer.reload(at: ringStart + Int64(second)) }
            #expect(log.lines == told)

            try setMode(of: path, 0o600)
            await issuer.reload(at: ringStart + 5)
            #expect(issuer.snapshot.signer?.kid == rotation.kid)
        }
    }

    @Test("Looks at the ring while somebody else holds its lock: what is to be written waits", .timeLimit(.minutes(2)))
    func looksWithoutTheLock() async throws {
        try await withTemporaryFolder { folder in
            let directory = "\(folder)/keys"
            let store = FileKeyRingStore(directory: directory, lockWait: .seconds(3600))
            _ = try await store.save(KeyRing.first(), adding: [RingKeys.privateKey(0)], replacing: nil)
            let rotation = try await store.rotate(to: RingKeys.privateKey(1), at: ringStart)
            let log = LogRecorder()
            let issuer = try await SigningKeys(
                store: store, keeping: FileKeyRingStore(directory: directory, lockWait: .zero), parameters: .standard,
                logger: log.logger(), clock: { ringStart }
            )
            let first = issuer.snapshot.signingKeyID
            do {
                let lock = try SystemFile.openForLock("\(directory)/keyring.lock")
                #expect(try lock.tryLock())
                // Somebody came, and a promotion is due.
                issuer.receiverFetchedKeys("search-svc", from: issuer.snapshot, at: ringStart + 600)
                await issuer.reload(at: ringStart + 600)
                #expect(issuer.snapshot.signingKeyID == first)
                #expect(log.errors.count == 2 && log.errors.allSatisfy { $0.hasSuffix(" locked") })
                _ = consume lock
            }
            await issuer.reload(at: ringStart + 601)
            #expect(issuer.snapshot.signingKeyID == rotation.kid)
            #expect(try await store.receivers().sightings.map(\.name) == ["search-svc"])
        }
    }

    @Test("A key that is promoted by the start of an issuer is logged; a start that changes nothing logs no change")
    func logsWhatTheStartDid() async throws {
        try await withTemporaryFolder { folder in
            let store = FileKeyRingStore(directory: "\(folder)/keys")
            _ = try await store.save(KeyRing.first(), adding: [RingKeys.privateKey(0)], replacing: nil)
            let rotation = try await store.rotate(at: ringStart)
            func start(at now: Timestamp) async throws -> (SigningKeys, [String]) {
                let log = LogRecorder()
                let issuer = try await SigningKeys(store: store, parameters: .standard, logger: log.logger(), clock: { now })
                return (issuer, log.lines)
            }
            let (early, nothing) = try await start(at: ringStart + 599)
            #expect(early.snapshot.signingKeyID != rotation.kid)
            #expect(nothing == ["info key ring loaded"])
            let (late, lines) = try await start(at: ringStart + 600)
            #expect(late.snapshot.signingKeyID == rotation.kid)
            #expect(lines.contains("notice another key signs"))
        }
    }
}
