import CountersignCrypto
import Foundation

/// A folder that is gone after the test.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("countersign-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func path(_ name: String) -> String {
        "\(path)/\(name)"
    }

    /// Replaces a file in one step, so that nobody who looks at that moment finds none.
    func write(_ text: String, to name: String, mode: Int = 0o600) throws {
        try CountersignIssuerTests.write(text, to: path(name), mode: mode)
    }

    func write(_ key: PrivateKey, to name: String, mode: Int = 0o600) throws {
        try write(try key.pem().withBytes { String(decoding: $0, as: UTF8.self) }, to: name, mode: mode)
    }
}
