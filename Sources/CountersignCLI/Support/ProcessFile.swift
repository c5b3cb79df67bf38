import CountersignFiles

/// A file of Linux's `/proc`, where there is one.
enum ProcessFile {
    /// Foundation takes what comes first for the whole: these files have no length, and come in pieces.
    static func text(_ path: String) -> String? {
        guard let file = try? SystemFile.open("/proc/\(path)"), let bytes = try? file.read(limit: limit) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Some ten thousand connections in `/proc/net/tcp` are two megabytes.
    private static let limit = 32 << 20
}
