internal import Foundation

/// A folder of its own for one test, readable by nobody else, removed with everything in it when the value goes away.
///
/// ```swift
/// let directory = try TestDirectory()
/// let ca = try directory.write(authority.certificate.pem, to: "ca.pem")
/// ```
public final class TestDirectory: Sendable {
    /// Absolute, without a slash at the end.
    public let path: String

    /// Makes the folder, mode 700, below the system's folder for temporary files.
    public init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("countersign-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700]
        )
        path = url.path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of a file in the folder, whether it exists or not.
    public func path(_ name: String) -> String {
        "\(path)/\(name)"
    }

    /// Writes a file, and the folders above it, and returns its path. What was there is replaced in one step, so that nobody who
    /// looks at that moment finds half of it or another mode; a link is replaced, not what it leads to.
    @discardableResult
    public func write(_ bytes: [UInt8], to name: String, mode: Int = 0o644) throws -> String {
        let url = URL(fileURLWithPath: path(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        let new = url.deletingLastPathComponent().appendingPathComponent(".\(UUID().uuidString)").path
        try Data(bytes).write(to: URL(fileURLWithPath: new))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: new)
        // System call: Foundation's ways to replace a file keep the old mode or set the new one afterwards.
        guard unsafe rename(new, url.path) == 0 else { throw CocoaError(.fileWriteUnknown) }
        return url.path
    }

    /// Writes a text file and returns its path.
    @discardableResult
    public func write(_ text: String, to name: String, mode: Int = 0o644) throws -> String {
        try write(Array(text.utf8), to: name, mode: mode)
    }

    /// Writes `NAME/cert.pem` (mode 644, leaf first) and `NAME/key.pem` (mode 600), as `countersign pki issue` lays them out.
    @discardableResult
    public func write(_ identity: TestIdentity, as name: String) throws -> (certificate: String, key: String) {
        (
            certificate: try write(identity.chainPEM, to: "\(name)/cert.pem"),
            key: try write(try identity.keyPEM(), to: "\(name)/key.pem", mode: 0o600)
        )
    }

    /// The bytes of a file.
    public func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path(name))))
    }

    /// The permission bits of a file or folder.
    public func mode(_ name: String) throws -> Int? {
        try (FileManager.default.attributesOfItem(atPath: path(name))[.posixPermissions] as? NSNumber)?.intValue
    }

    /// The names of all files and folders below `name`, sorted.
    public func contents(of name: String = "") throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path(name)).sorted()
    }
}
