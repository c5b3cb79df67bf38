import CountersignCrypto
import CountersignJOSE
import Foundation
import HTTPTypes
import Testing

@testable import CountersignIssuer

/// What admins are told when it is the ring that fails, and not they who asked for the wrong thing.
@Suite("The admin endpoint on a ring that fails")
struct AdminFailureTests {
    /// What can be wrong with the file of the announced key.
    enum Damage: String, CaseIterable, CustomTestStringConvertible {
        case gone = "private-key-missing"
        case another = "private-key-wrong"
        case encrypted = "passphrase"
        case open = "permissions"
        case link = "unreadable"

        var testDescription: String { rawValue }

        func make(of path: String) async throws {
            let files = FileManager.default
            switch self {
            case .gone: try files.removeItem(atPath: path)
            case .another: try write(try pem(RingKeys.privateKey(0)), to: path)
            case .encrypted:
                let key = try RSAPrivateKey(pem: Array(try text(of: path).utf8))
                try write(
                    try key.pem(passphrase: Array("secret".utf8)).withBytes { String(decoding: $0, as: UTF8.self) }, to: path)
            case .open: try setMode(of: path, 0o640)
            case .link:
                try files.moveItem(atPath: path, toPath: "\(path).away")
                try files.createSymbolicLink(atPath: path, withDestinationPath: "\(path).away")
            }
        }

        private func pem(_ key: RSAPrivateKey) throws -> String {
            try key.pem().withBytes { String(decoding: $0, as: UTF8.self) }
        }
    }

    private func withAnnouncedKey(
        _ body: @escaping @Sendable (RunningIssuer, FileKeyRingStore, _ keyPath: String) async throws -> Void
    ) async throws {
        let files = try await IssuerFolder()
        try files.writeClient("admin", try files.pki.certificate(subject("admin")))
        try files.writeConfiguration(services: IssuerFolder.services + "\nadmins:\n  - subject: CN=admin,O=Link Service\n")
        let store = FileKeyRingStore(directory: files.folder.path("keys"))
        let kid = try await store.rotate(at: files.now).kid
        try await RunningIssuer.run(files) { issuer in
            try await body(issuer, store, files.folder.path("keys/\(kid).pem"))
        }
    }

    private func rotateNow(_ issuer: RunningIssuer) async throws -> CurlAnswer {
        try await issuer.ask(
            "/admin/keys/rotate", as: "admin", "-H", "Content-Type: application/json", "--data-binary", #"{"now":true}"#)
    }

    @Test(
        "answers 503 with the reason while the key to be promoted cannot be used, and changes nothing", arguments: Damage.allCases
    )
    func unusableKey(damage: Damage) async throws {
        try await withAnnouncedKey { issuer, store, path in
            let (good, before) = (try text(of: path), try await store.load().revision)
            try await damage.make(of: path)
            let answer = try await rotateNow(issuer)
            #expect(answer.status == 503)
            #expect(answer.text("code") == damage.rawValue)
            #expect(answer.text("detail")?.contains(path) == true)
            #expect(try await store.load().revision == before)

            try write(good, to: path)
            let done = try await rotateNow(issuer)
            #expect(done.status == 200 && done.text("kid").map { path.hasSuffix("/\($0).pem") } == true)
        }
    }

    @Test("answers 503 with the reason while the ring cannot be read or written")
    func unusableRing() async throws {
        try await withAnnouncedKey { issuer, store, _ in
            let (ring, lock) = (issuer.files.folder.path("keys/keyring.json"), issuer.files.folder.path("keys/keyring.lock"))
            let good = try text(of: ring)
            func refused(_ code: String) async throws {
                let answer = try await rotateNow(issuer)
                #expect(answer.status == 503)
                #expect(answer.text("code") == code)
            }
            try write(good.replacing(#""state": "signing""#, with: #""state": "revoked""#), to: ring)
            try await refused("malformed")
            try write(good, to: ring, mode: 0o666)
            try await refused("permissions")
            try FileManager.default.removeItem(atPath: ring)
            try await refused("not-initialised")
            try write(good, to: ring)
            try FileManager.default.removeItem(atPath: lock)
            try FileManager.default.createDirectory(atPath: lock, withIntermediateDirectories: false)
            try await refused("not-written")
            #expect(try text(of: ring) == good)
            try FileManager.default.removeItem(atPath: lock)
            #expect(try await rotateNow(issuer).status == 200)
        }
    }

    @Test("answers 503 to a change that others were faster than, and when no key can be made; 409 where the ring says no")
    func mapsTheRest() async throws {
        let store = MemoryKeyRingStore()
        let first = try await store.initialise(with: RingKeys.privateKey(0), at: ringStart)
        let weak = await #expect(throws: KeyRingError.self) { try await store.rotate(bitCount: 1024, at: ringStart) }
        _ = try await store.rotate(to: RingKeys.privateKey(1), at: ringStart)
        let late = await #expect(throws: KeyRingError.self) {
            try await store.save(first.ring, adding: [], replacing: first.revision)
        }
        let second = await #expect(throws: KeyRingError.self) { try await store.rotate(at: ringStart) }
        let expected: [(KeyRingError?, KeyRingError.Code, Int)] = [
            (weak, .keyGeneration, 503), (late, .conflict, 503), (second, .rotationUnderWay, 409),
        ]
        for (error, code, status) in expected {
            let problem = Problem(try #require(error))
            #expect(problem.status.code == status)
            #expect(problem.code == code.rawValue)
        }
    }
}
