internal import COpenSSL

/// Reading and writing one DER value through OpenSSL's `d2i` and `i2d` functions.
enum DER {
    /// Calls an `i2d` function for the length and again for the bytes.
    @safe
    static func encode(
        _ what: String,
        _ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32
    ) throws(CryptoError) -> [UInt8] {
        OpenSSL.clear()
        let length = encode(nil)
        guard length > 0 else { throw OpenSSL.failure(.operationFailed, "could not encode \(what)") }
        var bytes = [UInt8](repeating: 0, count: Int(length))
        let written = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            var cursor = buffer.baseAddress
            return unsafe encode(&cursor)
        }
        guard written == length else { throw OpenSSL.failure(.operationFailed, "could not encode \(what)") }
        return bytes
    }

    /// Calls a `d2i` function on all of `bytes`; bytes left over are an error. The caller owns what comes back.
    @safe
    static func decode(
        _ bytes: [UInt8],
        maxBytes: Int,
        _ code: CryptoError.Code,
        _ what: String,
        free: (OpaquePointer) -> Void,
        _ decode: (UnsafeMutablePointer<UnsafePointer<UInt8>?>, Int) -> OpaquePointer?
    ) throws(CryptoError) -> OpaquePointer {
        guard bytes.count <= maxBytes else { throw CryptoError(code, "\(what) is larger than \(maxBytes) bytes") }
        OpenSSL.clear()
        var left = bytes.count
        let pointer = unsafe bytes.withUnsafeBufferPointer { buffer in
            var cursor = buffer.baseAddress
            let pointer = unsafe decode(&cursor, buffer.count)
            if let start = buffer.baseAddress, let cursor = unsafe cursor {
                left = unsafe buffer.count - (cursor - start)
            }
            return unsafe pointer
        }
        guard let pointer = unsafe pointer else { throw OpenSSL.failure(code, "\(what) is not readable DER") }
        guard left == 0 else {
            unsafe free(pointer)
            throw CryptoError(code, "\(what) is followed by \(left) more bytes")
        }
        return unsafe pointer
    }
}
