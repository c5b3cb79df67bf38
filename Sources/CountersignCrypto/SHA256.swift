internal import COpenSSL

/// SHA-256 (FIPS 180-4) over bytes in memory.
public enum SHA256 {
    /// The digest of `bytes`. Costs about a microsecond for a token.
    ///
    /// Only exhausted memory can make it fail; it then answers 32 random bytes, or ends in zeroes where even those cannot be
    /// had, which match no digest anybody holds. Fails closed.
    public static func digest(of bytes: [UInt8]) -> SHA256Digest {
        var output = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
        let isDone = unsafe bytes.withUnsafeBytes { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe EVP_Digest(input.baseAddress, input.count, output.baseAddress, nil, DigestAlgorithm.sha256.pointer, nil)
            }
        }
        guard isDone != 1 else { return SHA256Digest(unchecked: output) }
        OpenSSL.clear()
        let noise = (try? SecureRandom.bytes(SHA256Digest.byteCount)) ?? [UInt8](repeating: 0, count: SHA256Digest.byteCount)
        return SHA256Digest(unchecked: noise)
    }
}

/// A SHA-256 digest: exactly 32 bytes.
public struct SHA256Digest: Hashable, Sendable, CustomStringConvertible {
    static let byteCount = 32

    public let bytes: [UInt8]

    /// `nil` unless there are exactly 32 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// `nil` unless the text is 64 hexadecimal digits, of either case.
    public init?(hex text: String) {
        guard let bytes = Hexadecimal.bytes(text.utf8) else { return nil }
        self.init(bytes: bytes)
    }

    public static func == (left: SHA256Digest, right: SHA256Digest) -> Bool {
        unsafe left.bytes.withUnsafeBytes { left in
            unsafe right.bytes.withUnsafeBytes { right in
                unsafe CRYPTO_memcmp(left.baseAddress, right.baseAddress, byteCount) == 0
            }
        }
    }

    fileprivate init(unchecked bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// 64 lower-case hexadecimal digits.
    public var hex: String { Hexadecimal.text(bytes) }

    public var description: String { hex }
}

/// A message digest fetched once from the provider, as OpenSSL 3 asks of code that runs often.
@safe
struct DigestAlgorithm: Sendable {
    // Never freed and never changed after the fetch; the C side is reference-counted atomically.
    nonisolated(unsafe) let pointer: OpaquePointer?

    static let sha256 = unsafe DigestAlgorithm(pointer: EVP_MD_fetch(nil, "SHA256", nil))
}

package enum Hexadecimal {
    package static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        append(bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    static func append(_ bytes: [UInt8], to text: inout [UInt8]) {
        for byte in bytes {
            text.append(digit(byte >> 4))
            text.append(digit(byte & 15))
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &+ (value &- 10)
    }

    /// `nil` unless the text is an even number of hexadecimal digits.
    static func bytes(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text {
            guard let value = value(of: character) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }

    static func value(of character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
