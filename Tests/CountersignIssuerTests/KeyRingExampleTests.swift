import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import CountersignJSON
import Foundation
import Testing

@Suite("keys.example")
struct KeyRingExampleTests {
    private let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("keys.example").path

    @Test("The published example is refused wherever a ring is needed, with what to run instead")
    func isRefused() async throws {
        let store = FileKeyRingStore(directory: directory)
        let error = await #expect(throws: KeyRingError.self) { try await store.load() }
        #expect(error?.code == .example)
        #expect(error?.hint?.contains("countersign keys init --keys keys") == true)
        let rotation = await #expect(throws: KeyRingError.self) { try await store.rotate(at: ringStart) }
        #expect(rotation?.code == .example)
        let issuer = await #expect(throws: KeyRingError.self) {
            try await SigningKeys(store: store, parameters: .standard, logger: LogRecorder().logger())
        }
        #expect(issuer?.code == .example)
    }

    @Test("The example is a ring as this program reads it, and its public keys are the ones beside it")
    func isReal() async throws {
        try await withTemporaryFolder { folder in
            try setMode(of: folder, 0o700)
            let text = try text(of: "\(directory)/keyring.json").replacingOccurrences(of: "  \"example\": true,\n", with: "")
            try write(text, to: "\(folder)/keyring.json")
            let ring = try await FileKeyRingStore(directory: folder).load().ring
            #expect(Set(ring.entries.map(\.state)) == [.announced, .signing, .retiring])
            for key in ring.published {
                let pem = Array(try self.text(of: key).utf8)
                #expect(try RSAPublicKey(pem: pem) == key.key)
            }
            #expect(try names(in: directory) == Set(ring.published.map { "\($0.kid).pub.pem" } + ["keyring.json", "README.md"]))
        }
    }

    @Test("The example holds no private key")
    func hasNoPrivateKey() throws {
        for name in try names(in: directory) {
            #expect(!(try text(of: "\(directory)/\(name)").contains("PRIVATE KEY")))
        }
    }

    private func text(of key: JWK) throws -> String {
        try text(of: "\(directory)/\(key.kid).pub.pem")
    }

    private func text(of path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    }
}
