public import CountersignCrypto
internal import FoundationEssentials

/// Where PEM text comes from: a file, or an environment variable.
public enum PEMSource: Hashable, Sendable {
    case file(String)
    case environment(String)

    /// What a certificate, key or CA source may weigh: 1 MiB. Larger ones are refused unread.
    public static let maxBytes = 1 << 20
    /// What a source of revocation lists may weigh: 24 MiB, the PEM of the largest list that is read.
    public static let maxRevocationListBytes = 24 << 20

    /// Reads the form used in configuration and on the command line: `env:NAME`, or a path.
    public init(_ text: String) {
        let prefix = "env:"
        if text.hasPrefix(prefix) {
            self = .environment(String(text.dropFirst(prefix.count)))
        } else {
            self = .file(text)
        }
    }

    /// The same source with a relative path taken to start at `directory`.
    public func relative(to directory: String) -> PEMSource {
        guard case .file(let path) = self, !path.hasPrefix("/"), !directory.isEmpty else { return self }
        return .file(directory.hasSuffix("/") ? directory + path : directory + "/" + path)
    }

    /// The bytes now. Blocks on the file system: never call it on an event loop.
    ///
    /// - Throws: ``TLSError`` with `source-missing`, `source-unreadable` or `source-too-large`, naming the source.
    public func read(maxBytes: Int = PEMSource.maxBytes) throws(TLSError) -> [UInt8] {
        switch self {
        case .file(let path): try BoundedFile.load(path, maxBytes: maxBytes).bytes
        case .environment(let name): try Self.variable(name, maxBytes: maxBytes)
        }
    }

    /// As ``read()``, for private keys and passphrases: a file that its group or others may read is refused.
    ///
    /// - Throws: as ``read()``, and `key-permissions`.
    public func readSecret() throws(TLSError) -> SecretBytes {
        switch self {
        case .environment(let name):
            return SecretBytes(try Self.variable(name))
        case .file(let path):
            let file = try BoundedFile.load(path, maxBytes: Self.maxBytes)
            guard !file.isReadableByOthers else {
                // The usual reason is a certificate that was named in the place of its key.
                let isCertificate =
                    file.bytes.contains("-----BEGIN CERTIFICATE-----".utf8) && !file.bytes.contains(" KEY-----".utf8)
                throw TLSError(
                    .keyPermissions,
                    "\(path) may be read by others than its owner (mode \(file.modeText))",
                    hint: isCertificate
                        ? "it holds a certificate: name the file of its private key instead" : "chmod 600 \(path)"
                )
            }
            return SecretBytes(file.bytes)
        }
    }

    private static func variable(_ name: String, maxBytes: Int = PEMSource.maxBytes) throws(TLSError) -> [UInt8] {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else {
            throw TLSError(.sourceMissing, "the environment variable \(name) is not set or empty")
        }
        guard value.utf8.count <= maxBytes else {
            throw TLSError(.sourceTooLarge, "the environment variable \(name) holds more than \(maxBytes) bytes")
        }
        return Array(value.utf8)
    }
}

extension PEMSource: CustomStringConvertible {
    /// The form that ``init(_:)`` reads.
    public var description: String {
        switch self {
        case .file(let path): path
        case .environment(let name): "env:\(name)"
        }
    }
}
