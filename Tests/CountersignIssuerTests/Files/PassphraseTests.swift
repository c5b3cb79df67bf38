import CountersignCrypto
import CountersignFiles
import CountersignJOSE
import Foundation
import Testing

@testable import CountersignIssuer

@Suite("Key ring files: private keys encrypted at rest")
struct PassphraseTests {
    private func withEncryptedRing(
        _ body: (FileKeyRingStore, _ directory: String, _ passphrase: String) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let passphrase = "\(folder)/passphrase"
            try write("correct horse\n", to: passphrase)
            let store = FileKeyRingStore(directory: "\(folder)/keys", passphrase: PassphraseSource(passphrase))
            _ = try await store.initialise(with: RingKeys.privateKey(0), at: ringStart)
            try await body(store, "\(folder)/keys", passphrase)
        }
    }

    @Test("A private key is written encrypted, in a form that openssl opens with the passphrase, and read back")
    func encrypts() async throws {
        try await withEncryptedRing { store, directory, passphrase in
            let key = try RingKeys.jwk(0)
            let path = "\(directory)/\(key.kid).pem"
            #expect(try text(of: path).hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----"))
            #expect(try await store.privateKey(for: key).publicKey == key.key)
            let opened = try await Command.run([
                "openssl", "pkey", "-in", path, "-passin", "file:\(passphrase)", "-noout", "-check",
            ])
            #expect(opened.exitCode == 0 && opened.output.contains("Key is valid"))
        }
    }

    @Test("Without the passphrase, or with another, the key is refused, and the error says where to put it")
    func refuses() async throws {
        try await withEncryptedRing { _, directory, passphrase in
            let without = await #expect(throws: KeyRingError.self) {
                try await FileKeyRingStore(directory: directory).privateKey(for: RingKeys.jwk(0))
            }
            #expect(without?.code == .passphrase)
            #expect(without?.hint?.contains("--passphrase") == true)
            try write("another", to: passphrase)
            let store = FileKeyRingStore(directory: directory, passphrase: PassphraseSource(passphrase))
            let other = await #expect(throws: KeyRingError.self) { try await store.privateKey(for: RingKeys.jwk(0)) }
            #expect(other?.code == .passphrase)
            #expect(other?.hint?.contains(passphrase) == true)
            // Nothing is lost by it, and nothing is promoted that could not sign.
            try write("correct horse", to: passphrase)
            #expect(try await store.privateKey(for: RingKeys.jwk(0)).publicKey == RingKeys.jwk(0).key)
        }
    }

    @Test("A running issuer whose passphrase is gone keeps signing with the key it has, and promotes none it cannot open")
    func keepsSigning() async throws {
        try await withEncryptedRing { store, _, passphrase in
            let log = LogRecorder()
            let issuer = try await SigningKeys(store: store, parameters: .standard, logger: log.logger(), clock: { ringStart })
            _ = try await store.rotate(to: RingKeys.privateKey(1), at: ringStart)
            try FileManager.default.removeItem(atPath: passphrase)
            await issuer.reload(at: ringStart + 700)
            #expect(issuer.snapshot.signer?.kid == (try RingKeys.jwk(0).kid))
            #expect(log.errors.contains { $0.hasSuffix(" passphrase") })
            try write("correct horse", to: passphrase)
            await issuer.reload(at: ringStart + 701)
            #expect(issuer.snapshot.signer?.kid == (try RingKeys.jwk(1).kid))
        }
    }

    @Test("A key from before there was a passphrase is still read")
    func readsOpenKeys() async throws {
        try await withTemporaryFolder { folder in
            _ = try await FileKeyRingStore(directory: "\(folder)/keys").initialise(with: RingKeys.privateKey(0), at: ringStart)
            try write("secret", to: "\(folder)/passphrase")
            let store = FileKeyRingStore(directory: "\(folder)/keys", passphrase: PassphraseSource("\(folder)/passphrase"))
            #expect(try await store.privateKey(for: RingKeys.jwk(0)).publicKey == RingKeys.jwk(0).key)
        }
    }

    @Test("No key is added without the passphrase, or with another; nothing is changed by trying, and what needs no key is done")
    func addsNoKeyUnderAnother() async throws {
        try await withEncryptedRing { store, directory, passphrase in
            let wrong = "\(directory)/../wrong"
            try write("mistyped", to: wrong)
            let before = try names(in: directory).subtracting(["keyring.lock"])
            let ring = try await store.load().revision
            for other in [
                FileKeyRingStore(directory: directory),
                FileKeyRingStore(directory: directory, passphrase: PassphraseSource(wrong)),
            ] {
                func refused(_ work: () async throws -> Void) async {
                    let error = await #expect(throws: KeyRingError.self) { try await work() }
                    #expect(error?.code == .passphrase)
                    #expect(error?.hint?.isEmpty == false)
                }
                await refused { _ = try await other.rotate(at: ringStart) }
                await refused { _ = try await other.rotate(immediately: true, at: ringStart) }
                await refused { _ = try await other.rotate(to: RingKeys.privateKey(1), at: ringStart) }
                await refused { _ = try await other.revoke(RingKeys.jwk(0).kid.rawValue, at: ringStart) }
            }
            #expect(try names(in: directory).subtracting(["keyring.lock"]) == before)
            #expect(try await store.load().revision == ring)
            _ = try await FileKeyRingStore(directory: directory).change(.service("user-svc"), isDenied: true, at: ringStart)
            _ = try await store.rotate(to: RingKeys.privateKey(1), at: ringStart)
            #expect(try text(of: "\(directory)/\(RingKeys.jwk(1).kid).pem").contains("ENCRYPTED"))
        }
    }

    @Test("To a ring that is not encrypted no key is added under a passphrase; the error says how to encrypt it")
    func mixesNothing() async throws {
        try await withTemporaryFolder { folder in
            _ = try await FileKeyRingStore(directory: "\(folder)/keys").initialise(with: RingKeys.privateKey(0), at: ringStart)
            try write("secret", to: "\(folder)/passphrase")
            let store = FileKeyRingStore(directory: "\(folder)/keys", passphrase: PassphraseSource("\(folder)/passphrase"))
            let error = await #expect(throws: KeyRingError.self) {
                try await store.rotate(to: RingKeys.privateKey(1), at: ringStart)
            }
            #expect(error?.code == .passphrase && error?.hint?.contains("keys passphrase") == true)
            #expect(try !names(in: "\(folder)/keys").contains("\(RingKeys.jwk(1).kid).pem"))
            try await FileKeyRingStore(directory: "\(folder)/keys").changePassphrase(
                to: PassphraseSource("\(folder)/passphrase"), at: ringStart
            )
            #expect(try text(of: "\(folder)/keys/\(RingKeys.jwk(0).kid).pem").contains("ENCRYPTED"))
            _ = try await store.rotate(to: RingKeys.privateKey(1), at: ringStart)
            #expect(try await store.privateKey(for: RingKeys.jwk(0)).publicKey == RingKeys.jwk(0).key)
        }
    }

    @Test("A passphrase is changed for all keys that can sign, by whoever has the old one")
    func changesThePassphrase() async throws {
        try await withEncryptedRing { store, directory, _ in
            _ = try await store.rotate(to: RingKeys.privateKey(1), at: ringStart)
            let next = PassphraseSource("\(directory)/../next")
            try write("battery staple", to: next.description)
            let wrong = FileKeyRingStore(directory: directory)
            let error = await #expect(throws: KeyRingError.self) { try await wrong.changePassphrase(to: next, at: ringStart) }
            #expect(error?.code == .passphrase)
            #expect(try await store.privateKey(for: RingKeys.jwk(0)).publicKey == RingKeys.jwk(0).key)

            let changed = FileKeyRingStore(directory: directory, passphrase: next)
            try await store.changePassphrase(to: next, at: ringStart)
            for index in 0...1 {
                #expect(try await changed.privateKey(for: RingKeys.jwk(index)).publicKey == RingKeys.jwk(index).key)
            }
            #expect(try await changed.load().ring.history.last?.what == "changed the passphrase of the private keys")
        }
    }

    @Test("Private keys that are kept although they can sign no more are put under the new passphrase too, or nothing is")
    func changesThePassphraseOfKeptKeys() async throws {
        try await withTemporaryFolder { folder in
            let directory = "\(folder)/keys"
            let store = FileKeyRingStore(directory: directory)
            let keeping = try KeyRingParameters(announceFor: 600, retireAfter: 965, rotateEvery: 0, keepsRetiredKeys: true)
            _ = try await store.save(KeyRing.first(keeping), adding: [RingKeys.privateKey(0)], replacing: nil)
            _ = try await store.rotate(immediately: true, to: RingKeys.privateKey(1), at: ringStart)
            _ = try await store.revoke(RingKeys.jwk(0).kid.rawValue, at: ringStart)
            let kept = "\(directory)/retired/\(try RingKeys.jwk(0).kid).pem"
            let plain = try text(of: kept)
            #expect(plain.hasPrefix("-----BEGIN PRIVATE KEY-----"))

            let passphrase = "\(folder)/passphrase"
            try write("correct horse", to: passphrase)
            try write("gibberish", to: kept, mode: 0o600)
            let error = await #expect(throws: KeyRingError.self) {
                try await store.changePassphrase(to: PassphraseSource(passphrase), at: ringStart)
            }
            #expect(error?.code == .privateKeyWrong && error?.message.hasPrefix(kept) == true)
            #expect(try text(of: "\(directory)/\(RingKeys.jwk(1).kid).pem").hasPrefix("-----BEGIN PRIVATE KEY-----"))

            try write(plain, to: kept, mode: 0o600)
            try await store.changePassphrase(to: PassphraseSource(passphrase), at: ringStart)
            #expect(try text(of: kept).hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----"))
            #expect(try mode(of: kept) == 0o600)
            let opened = try await Command.run(["openssl", "pkey", "-in", kept, "-passin", "file:\(passphrase)", "-pubout"])
            #expect(opened.exitCode == 0)
        }
    }

    @Test("A passphrase file that others may read, that is empty or missing, and a variable that is not set, are refused")
    func refusesSources() async throws {
        try await withTemporaryFolder { folder in
            let file = "\(folder)/passphrase"
            func code(_ source: String) -> KeyRingError.Code? {
                do throws(KeyRingError) {
                    _ = try PassphraseSource(source).secret()
                    return nil
                } catch {
                    return error.code
                }
            }
            #expect(code(file) == .passphrase)
            try write("secret", to: file, mode: 0o644)
            #expect(code(file) == .permissions)
            try write("\n", to: file)
            #expect(code(file) == .passphrase)
            try write("secret", to: file)
            #expect(code(file) == nil)
            #expect(code("env:COUNTERSIGN_NO_SUCH_VARIABLE") == .passphrase)
            #expect(code("env:PATH") == nil)
            #expect(code("credential:none") == .passphrase)
        }
    }
}
