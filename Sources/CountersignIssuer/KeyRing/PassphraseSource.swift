public import CountersignCrypto
internal import CountersignFiles
internal import Foundation

/// Where the passphrase of encrypted private keys comes from.
///
/// | text | means |
/// |---|---|
/// | `env:NAME` | an environment variable |
/// | `credential:NAME` | a systemd credential: the file NAME in `$CREDENTIALS_DIRECTORY` |
/// | anything else | a file, which others than its owner must not be able to read |
///
/// One line break at the end is not part of it. It is read whenever a private key is, and not kept.
public struct PassphraseSource: Hashable, Sendable, CustomStringConvertible {
    /// As it was written.
    public let description: String

    public init(_ text: String) {
        description = text
    }

    /// The same with a relative path resolved against a directory.
    func relative(to directory: String) -> PassphraseSource {
        let isPath = !description.hasPrefix("env:") && !description.hasPrefix("credential:") && !description.hasPrefix("/")
        return isPath && !directory.isEmpty ? PassphraseSource("\(directory)/\(description)") : self
    }

    /// The passphrase. Blocks on the file system.
    ///
    /// - Throws: ``KeyRingError`` with code `passphrase` or `permissions`, naming the source.
    public func secret() throws(KeyRingError) -> SecretBytes {
        if description.hasPrefix("env:") {
            let name = String(description.dropFirst("env:".count))
            guard let value = ProcessInfo.processInfo.environment[name] else {
                throw KeyRingError(.passphrase, "the environment variable \(name) is not set", hint: "set it to the passphrase")
            }
            return try Self.checked(Array(value.utf8), from: description)
        }
        guard description.hasPrefix("credential:") else {
            return try Self.checked(Self.file(description, mayBeOpen: false), from: description)
        }
        guard let folder = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"] else {
            throw KeyRingError(
                .passphrase, "CREDENTIALS_DIRECTORY is not set, so there is no \(description)",
                hint: "run it as a systemd service with LoadCredential= or LoadCredentialEncrypted="
            )
        }
        // systemd decides who may read its credentials, by other means than the mode as well.
        return try Self.checked(
            Self.file("\(folder)/\(description.dropFirst("credential:".count))", mayBeOpen: true), from: description
        )
    }

    private static func file(_ path: String, mayBeOpen: Bool) throws(KeyRingError) -> [UInt8] {
        do {
            let file = try SystemFile.openFollowing(path)
            guard try mayBeOpen || file.status().st_mode & 0o077 == 0 else {
                throw KeyRingError(
                    .permissions, "\(path) is a passphrase that others than its owner can read or change",
                    hint: "chmod 600 \(path)"
                )
            }
            return try file.read(limit: 4096)
        } catch let error as SystemError {
            throw KeyRingError(.passphrase, "the passphrase cannot be had: \(error.message)")
        } catch let error as KeyRingError {
            throw error
        } catch {
            throw KeyRingError(.passphrase, "the passphrase cannot be read from \(path)")
        }
    }

    private static func checked(_ bytes: [UInt8], from source: String) throws(KeyRingError) -> SecretBytes {
        var bytes = bytes
        if bytes.last == UInt8(ascii: "\n") {
            bytes.removeLast()
        }
        guard !bytes.isEmpty else {
            throw KeyRingError(.passphrase, "the passphrase in \(source) is empty")
        }
        return SecretBytes(bytes)
    }
}
