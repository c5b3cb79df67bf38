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

    /// Writes beside the old file and renames, as careful tools do.
    func write(_ text: String, to name: String, mode: Int = 0o600) throws {
        let new = path(".\(UUID().uuidString)")
        try Data(text.utf8).write(to: URL(fileURLWithPath: new))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: new)
        _ = try? FileManager.default.removeItem(atPath: path(name))
        try FileManager.default.moveItem(atPath: new, toPath: path(name))
    }

    func write(_ key: PrivateKey, to name: String, mode: Int = 0o600) throws {
        try write(try key.pem().withBytes { String(decoding: $0, as: UTF8.self) }, to: name, mode: mode)
    }
}
