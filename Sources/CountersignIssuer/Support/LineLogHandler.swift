internal import CountersignCrypto
public import Logging

/// Log lines for people and for `grep`: time, level, message, then `key=value` in the order of the keys.
///
/// ```
/// 2026-01-02T03:04:05Z info token issued audience=search-svc kid=... outcome=issued request=... service=user-svc
/// ```
///
/// Values are escaped here, so no call site can forget it: whatever a peer sent cannot end the line, imitate another field or
/// steer a terminal. Long values are cut.
public struct LineLogHandler: LogHandler {
    public var logLevel: Logger.Level = .info
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let sink: LogSink

    public init(sink: LogSink) {
        self.sink = sink
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let provided = metadataProvider?.get() ?? [:]
        var all = event.metadata ?? [:]
        if !metadata.isEmpty || !provided.isEmpty {
            all = metadata.merging(provided) { $1 }.merging(all) { $1 }
        }
        // Each token has its line: parts are added one by one, and not put together before.
        var line = Timestamp.now().description
        line.reserveCapacity(256)
        line += " "
        line += event.level.rawValue
        line += " "
        line += LogText.escaped(event.message.description, limit: 1000)
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            line += " "
            line += key
            line += "="
            line += Self.text(value.description)
        }
        if let error = event.error {
            line += " error=\(Self.text("\(error)"))"
        }
        sink.write(line)
    }

    /// A word as it is; anything else in quotes.
    private static func text(_ value: String) -> String {
        let isWord = (1...500).contains(value.utf8.count) && LogText.isPlain(value, from: 0x21)
        return isWord ? value : LogText.quoted(value, limit: 500)
    }
}
