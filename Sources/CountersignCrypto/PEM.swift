internal import COpenSSL

/// RFC 7468 text: blocks with a label, anything between them.
enum PEM {
    /// The DER of every block with this label, in order. Other blocks are read over, encrypted ones among them.
    ///
    /// - Throws: `malformed-pem` when there is none or more than `maxCount`, `code` for a block that is broken.
    static func blocks(
        _ label: String,
        in pem: [UInt8],
        maxCount: Int,
        _ code: CryptoError.Code
    ) throws(CryptoError) -> [[UInt8]] {
        let blocks = try MemoryBIO.reading(pem) { bio throws(CryptoError) in
            var blocks: [[UInt8]] = []
            while let block = try unsafe nextBlock(in: bio, code) {
                guard block.label == label else { continue }
                blocks.append(block.der)
                guard blocks.count <= maxCount else { throw CryptoError(.malformedPEM, "more than \(maxCount) \(label) blocks") }
            }
            return blocks
        }
        guard !blocks.isEmpty else { throw CryptoError(.malformedPEM, "no \(label) block") }
        return blocks
    }

    /// RFC 7468: base64 in lines of 64.
    static func text(label: String, der: [UInt8]) -> String {
        var encoded = [UInt8](repeating: 0, count: (der.count + 2) / 3 * 4 + 1)
        let length = unsafe encoded.withUnsafeMutableBufferPointer { output in
            unsafe der.withUnsafeBufferPointer { input in
                unsafe EVP_EncodeBlock(output.baseAddress, input.baseAddress, Int32(truncatingIfNeeded: input.count))
            }
        }
        var lines = ["-----BEGIN \(label)-----"]
        var rest = encoded.prefix(Int(max(0, length)))
        while !rest.isEmpty {
            lines.append(String(decoding: rest.prefix(64), as: UTF8.self))
            rest = rest.dropFirst(64)
        }
        lines.append("-----END \(label)-----\n")
        return lines.joined(separator: "\n")
    }

    private static func nextBlock(
        in bio: OpaquePointer,
        _ code: CryptoError.Code
    ) throws(CryptoError) -> (label: String, der: [UInt8])? {
        var name: UnsafeMutablePointer<CChar>?
        var header: UnsafeMutablePointer<CChar>?
        var data: UnsafeMutablePointer<UInt8>?
        var length = 0
        OpenSSL.clear()
        guard unsafe PEM_read_bio(bio, &name, &header, &data, &length) == 1, let name = unsafe name else {
            let error = ERR_peek_last_error()
            let isEnd = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE
            guard isEnd else { throw OpenSSL.failure(code, "a PEM block cannot be read") }
            OpenSSL.clear()
            return nil
        }
        defer {
            unsafe countersign_free(name)
            unsafe countersign_free(header)
            // A file may hold a private key beside its certificate.
            unsafe countersign_clear_free(data, length)
        }
        return unsafe (String(cString: name), [UInt8](UnsafeBufferPointer(start: data, count: length)))
    }
}
