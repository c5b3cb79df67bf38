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
        var all = event.metadata ?? [:]
        if let provided = metadataProvider?.get() { all.merge(provided) { own, _ in own } }
        if !metadata.isEmpty { all.merge(metadata) { own, _ in own } }
        var line = "\(Timestamp.now()) \(event.level) \(LogText.escaped(event.message.description, limit: 1000))"
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            line += " \(key)=\(Self.text(value.description))"
        }
        if let error = event.error {
            line += " error=\(Self.text("\(error)"))"
        }
        sink.write(line)
    }

    /// A word as it is; anything else in quotes.
    private static func text(_ value: String) -> String {
        let isWord =
            !value.isEmpty
            && value.utf8.allSatisfy { byte in
                (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "'") && byte != UInt8(ascii: "\"")
                    && byte != UInt8(ascii: "\\")
            }
        return isWord && value.utf8.count <= 500 ? value : LogText.quoted(value, limit: 500)
    }
}
