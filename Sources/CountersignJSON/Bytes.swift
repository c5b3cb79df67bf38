#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

// Bytes many at a time, which a loop over an array takes one by one.

extension ArraySlice<UInt8> {
    /// Whether both are the same bytes.
    package func hasSameBytes(as other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        return unsafe withUnsafeBytes { left in
            unsafe other.withUnsafeBytes { right in unsafe isSame(left.baseAddress, right.baseAddress, left.count) }
        }
    }
}

extension [UInt8] {
    /// The place of the first such byte from `start` on, which may be the end but not lie behind it; nil when there is none.
    package func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard 0...count ~= start else { return nil }
        return unsafe withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, let found = unsafe memchr(base + start, Int32(byte), count - start) else {
                return nil
            }
            return unsafe UnsafeRawPointer(found) - base
        }
    }

    /// Whether this text stands at `start`.
    package func hasText(_ text: StaticString, at start: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        guard 0...count ~= start, length <= count - start else { return false }
        return unsafe withUnsafeBytes { bytes in
            unsafe isSame(bytes.baseAddress.map { unsafe $0 + start }, text.utf8Start, length)
        }
    }
}

extension [UInt8] {
    /// The text of some of the bytes, which need not be made a slice for it; nil when they are not all there.
    package func text(_ range: Range<Int>) -> String? {
        guard range.lowerBound >= 0, range.upperBound <= count else { return nil }
        return unsafe withUnsafeBufferPointer { unsafe String(decoding: $0[range], as: UTF8.self) }
    }

    /// Adds this text.
    package mutating func append(_ text: StaticString) {
        unsafe append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Adds a text that stands in a JSON string as it is: printable ASCII from `lowest` on, without quotation mark and backslash.
    ///
    /// - Returns: false, and nothing is added, for any other text and for one with nothing in it.
    package mutating func append(plain text: String, from lowest: UInt8 = 0x20) -> Bool {
        var text = text
        return text.withUTF8 { characters in
            var isPlain = !characters.isEmpty
            for index in 0..<characters.count {
                let byte = unsafe characters[index]
                isPlain = isPlain && lowest...0x7E ~= byte && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
            }
            if isPlain { unsafe append(contentsOf: characters) }
            return isPlain
        }
    }
}

extension String {
    /// The last eight bytes as a number. Zero when there are fewer, or when the text is bridged from elsewhere.
    package var ending: UInt64 {
        let ending = unsafe utf8.withContiguousStorageIfAvailable { bytes in
            guard bytes.count >= 8 else { return UInt64(0) }
            return unsafe UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self)
        }
        return ending ?? 0
    }
}

private func isSame(_ left: UnsafeRawPointer?, _ right: UnsafeRawPointer?, _ count: Int) -> Bool {
    guard count > 0, let left = unsafe left, let right = unsafe right else { return count == 0 }
    return unsafe memcmp(left, right, count) == 0
}
