internal import Foundation
internal import Synchronization

/// Keys from a JWKS file, such as one that a deployment tool distributes.
///
/// The file is read when the source is made and on ``reload()``; a file that cannot be read or has no good set leaves the
/// old one in force.
public final class FileKeySource: KeySource {
    private let path: String
    public let generation: Generation? = Generation()
    private let current: Mutex<KeySet>
    private let reading = Mutex<Void>(())

    /// - Throws: ``KeysUnavailable`` when the file cannot be read or is not a good key set.
    public init(path: String) throws(KeysUnavailable) {
        self.path = path
        current = Mutex(try Self.read(path))
    }

    public func keySet(at now: Timestamp) throws(KeysUnavailable) -> KeySet {
        current.withLock { $0 }
    }

    /// Reads the file again. Blocks for the disk: not for an event loop.
    ///
    /// - Throws: ``KeysUnavailable``; the old set stays in force.
    public func reload() throws(KeysUnavailable) {
        // One at a time, so that a slow reader cannot put back what a later one has replaced.
        try reading.withLock { _ throws(KeysUnavailable) in
            let set = try Self.read(path)
            current.withLock { $0 = set }
            generation?.advance()
        }
    }

    private static func read(_ path: String) throws(KeysUnavailable) -> KeySet {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw KeysUnavailable("the key set \(path) cannot be opened")
        }
        defer { try? file.close() }
        do {
            let data = try file.read(upToCount: JWKSet.maxBytes + 1) ?? Data()
            return KeySet(try JWKSet(json: [UInt8](data)))
        } catch let error as JOSEError {
            throw KeysUnavailable("the key set \(path) is not usable: \(error.message)")
        } catch {
            throw KeysUnavailable("the key set \(path) cannot be read: \(error.localizedDescription)")
        }
    }
}
