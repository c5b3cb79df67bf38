internal import COpenSSL

/// Bytes that must not outlive their use: a private key's PEM, a passphrase.
///
/// Cannot be copied, prints nothing of itself, and is overwritten with zeroes when it goes out of scope. Whatever the
/// closure given to ``withBytes(_:)`` copies out is the closure's own to wipe.
public struct SecretBytes: ~Copyable, Sendable {
    private let storage: Storage

    public init(_ bytes: consuming [UInt8]) {
        storage = Storage(bytes)
    }

    /// Lends the bytes to `body`.
    public borrowing func withBytes<R: ~Copyable, E: Error>(_ body: ([UInt8]) throws(E) -> R) throws(E) -> R {
        try unsafe body(storage.bytes)
    }

    @safe
    private final class Storage: Sendable {
        // Written once, and again only in deinit, when nobody else can hold a reference.
        nonisolated(unsafe) private(set) var bytes: [UInt8]

        init(_ bytes: consuming [UInt8]) {
            unsafe self.bytes = bytes
        }

        deinit {
            unsafe bytes.withUnsafeMutableBytes { buffer in
                guard let start = buffer.baseAddress else { return }
                unsafe OPENSSL_cleanse(start, buffer.count)
            }
        }
    }
}
