internal import COpenSSL

/// Random bytes from OpenSSL's generator, for token identifiers and serial numbers.
public enum SecureRandom {
    /// `count` unpredictable bytes (0 to 1024).
    ///
    /// - Throws: `CryptoError` (`operation-failed`) when the generator has no entropy. Fails closed.
    public static func bytes(_ count: Int) throws(CryptoError) -> [UInt8] {
        guard (0...1024).contains(count) else { throw CryptoError(.operationFailed, "asked for \(count) random bytes") }
        var bytes = [UInt8](repeating: 0, count: count)
        try OpenSSL.check(.operationFailed, "the random generator failed") {
            unsafe bytes.withUnsafeMutableBufferPointer { buffer in
                unsafe RAND_bytes(buffer.baseAddress, Int32(truncatingIfNeeded: buffer.count))
            }
        }
        return bytes
    }
}
