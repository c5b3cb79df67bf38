import Foundation

/// A folder that is gone when the last reference to it is.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "countersign-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Replaces a file as a careful writer does: complete and with its mode, in one step. The mode is 600 unless said
    /// otherwise.
    @discardableResult
    func write(_ bytes: [UInt8], to name: String, mode: Int = 0o600) throws -> String {
        let target = path + "/" + name
        let new = target + ".new"
        guard FileManager.default.createFile(atPath: new, contents: Data(bytes), attributes: [.posixPermissions: mode]) else {
            throw CocoaError(.fileWriteUnknown)
        }
        // System call: Foundation's ways to replace a file keep the old mode or set the new one afterwards.
        guard unsafe rename(new, target) == 0 else { throw CocoaError(.fileWriteUnknown) }
        return target
    }
}
