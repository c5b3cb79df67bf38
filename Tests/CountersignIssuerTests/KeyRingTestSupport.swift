import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import Foundation
import Logging
import Synchronization

/// Keys made once for all tests: making one takes longer than most tests do.
enum RingKeys {
    private static let made = Mutex<[RSAPrivateKey]>([])

    static func privateKey(_ index: Int) throws -> RSAPrivateKey {
        try made.withLock { keys in
            while keys.count <= index {
                keys.append(try RSAPrivateKey.generate())
            }
            return keys[index]
        }
    }

    static func jwk(_ index: Int) throws -> JWK {
        JWK(try privateKey(index).publicKey)
    }
}

let ringStart = Timestamp(secondsSince1970: 1_800_000_000)

extension Timestamp {
    static func + (time: Timestamp, seconds: Int64) -> Timestamp {
        time.adding(seconds: seconds)
    }
}

extension KeyRing {
    /// A ring with key 0, made at ``ringStart``.
    static func first(_ parameters: KeyRingParameters = .standard) throws -> KeyRing {
        KeyRing(firstKey: try RingKeys.jwk(0), parameters: parameters, at: ringStart)
    }

    func states(of jwk: JWK) -> [State] {
        entries.filter { $0.kid == jwk.kid }.map(\.state)
    }
}

/// A folder that is gone when the test is over.
func withTemporaryFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = NSTemporaryDirectory() + "countersign-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

/// The permissions of a file, such as `0o600`.
func mode(of path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
}

func setMode(of path: String, _ mode: Int) throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
}

func names(in directory: String) throws -> Set<String> {
    Set(try FileManager.default.contentsOfDirectory(atPath: directory))
}

/// Replaces a file in one step, so that nobody who looks at that moment finds half of it.
func write(_ text: String, to path: String, mode: Int = 0o600) throws {
    let new = path + "." + UUID().uuidString
    try Data(text.utf8).write(to: URL(fileURLWithPath: new))
    try setMode(of: new, mode)
    // System call: Foundation's ways to replace a file keep the old mode or set the new one afterwards.
    guard unsafe rename(new, path) == 0 else { throw CocoaError(.fileWriteUnknown) }
}

func text(of path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
}

/// What was logged, as `level message reason`.
final class LogRecorder: Sendable {
    private let recorded = Mutex<[String]>([])

    var lines: [String] { recorded.withLock { $0 } }

    var errors: [String] { lines.filter { $0.hasPrefix("error") } }

    func logger() -> Logger {
        Logger(label: "test") { _ in Handler(recorder: self) }
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let reason = event.metadata?["reason"].map { " \($0)" } ?? ""
            recorder.recorded.withLock { $0.append("\(event.level) \(event.message)\(reason)") }
        }
    }
}
