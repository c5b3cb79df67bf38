/// base64url without padding (RFC 4648 section 5, RFC 7515 section 2).
///
/// Decoding accepts the one canonical form only: no padding, no white space, no `+` or `/`, unused bits zero. So two
/// different texts never stand for the same bytes, and a signed text cannot be respelled.
public enum Base64URL {
    /// The text of these bytes, as a string.
    public static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: encodeBytes(bytes), as: UTF8.self)
    }

    /// The text of these bytes, as ASCII bytes.
    public static func encodeBytes(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        append(bytes, to: &text)
        return text
    }

    /// Adds the text of these bytes, as ASCII bytes.
    package static func append(_ bytes: [UInt8], to text: inout [UInt8]) {
        let (bytes, alphabet) = (bytes.span, alphabet)
        let (symbols, length) = (alphabet.span, (bytes.count * 4 + 2) / 3)
        text.append(addingCapacity: length) { output in
            output.append(repeating: 0, count: length)
            var text = output.mutableSpan
            // Always so. Said here, where the compiler sees it, it takes the check out of every look into the alphabet.
            guard symbols.count == 64 else { return }
            var (index, place) = (0, 0)
            while index &+ 3 <= bytes.count {
                // The last of a group first: one check does for the others.
                let third = UInt32(bytes[index &+ 2])
                let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index &+ 1]) << 8 | third
                text[place &+ 3] = symbols[Int(group & 0x3F)]
                text[place &+ 2] = symbols[Int(group >> 6 & 0x3F)]
                text[place &+ 1] = symbols[Int(group >> 12 & 0x3F)]
                text[place] = symbols[Int(group >> 18)]
                index &+= 3
                place &+= 4
            }
            // One byte is two characters, two are three; unused bits are zero.
            let rest = bytes.count - index
            guard rest > 0 else { return }
            let group = UInt32(bytes[index]) << 16 | (rest == 2 ? UInt32(bytes[index &+ 1]) << 8 : 0)
            text[place] = symbols[Int(group >> 18)]
            text[place &+ 1] = symbols[Int(group >> 12 & 0x3F)]
            if rest == 2 {
                text[place &+ 2] = symbols[Int(group >> 6 & 0x3F)]
            }
        }
    }

    /// The bytes that a canonical text stands for, or nil. The empty text stands for no bytes.
    public static func decode(_ text: [UInt8]) -> [UInt8]? {
        decode(text.span)
    }

    /// The bytes that a canonical text stands for, or nil. The empty text stands for no bytes.
    public static func decode(_ text: String) -> [UInt8]? {
        decode(text.utf8.span)
    }

    /// The bytes that a canonical text stands for, or nil. The empty text stands for no bytes.
    public static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        decode(text.span)
    }

    /// Whether a text stands for bytes, which are not made.
    static func isCanonical(_ text: Span<UInt8>) -> Bool {
        let table = values
        let values = table.span
        guard text.count % 4 != 1, values.count == 1024 else { return false }
        var (seen, left) = (UInt32(0), text)
        while left.count >= 4 {
            seen |= group(left, 0, values)
            left = left.extracting(droppingFirst: 4)
        }
        return seen | end(left, values) < 1 << 24
    }

    /// The bytes that a canonical text stands for, or nil. The empty text stands for no bytes.
    static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        // Two characters stand for one byte, three for two; one stands for no whole byte.
        let rest = text.count % 4
        guard rest != 1 else { return nil }
        let length = text.count / 4 * 3 + max(rest - 1, 0)
        let table = values
        let values = table.span
        var isCanonical = false
        var bytes: [UInt8] = []
        bytes.append(addingCapacity: length) { output in
            output.append(repeating: 0, count: length)
            var bytes = output.mutableSpan
            // Always so. Said here, where the compiler sees it, it takes the check out of every look into the table.
            guard values.count == 1024 else { return }
            // All groups are or-ed together: a character outside the alphabet leaves a bit above the 24 that a group has.
            var seen: UInt32 = 0
            var (left, place) = (text, 0)
            // Two groups at a time, the last byte first: one check does for all of them.
            while left.count >= 8 {
                let second = group(left, 4, values)
                let first = group(left, 0, values)
                left = left.extracting(droppingFirst: 8)
                seen |= first | second
                write(second, to: &bytes, at: place &+ 3)
                write(first, to: &bytes, at: place)
                place &+= 6
            }
            if left.count >= 4 {
                let last = group(left, 0, values)
                left = left.extracting(droppingFirst: 4)
                seen |= last
                write(last, to: &bytes, at: place)
                place &+= 3
            }
            if rest > 0 {
                let last = end(left, values)
                bytes[place] = UInt8(truncatingIfNeeded: last >> 16)
                if rest == 3 {
                    bytes[place &+ 1] = UInt8(truncatingIfNeeded: last >> 8)
                }
                seen |= last
            }
            isCanonical = seen < 1 << 24
        }
        return isCanonical ? bytes : nil
    }

    /// The 24 bits that the four characters from `start` on stand for.
    @inline(__always) private static func group(_ text: Span<UInt8>, _ start: Int, _ values: Span<UInt32>) -> UInt32 {
        let last = values[768 &+ Int(text[start &+ 3])]
        return values[Int(text[start])] | values[256 &+ Int(text[start &+ 1])] | values[512 &+ Int(text[start &+ 2])] | last
    }

    /// The first of the 24 bits of a group, for which the last two or three characters stand; none, when there are none.
    private static func end(_ text: Span<UInt8>, _ values: Span<UInt32>) -> UInt32 {
        guard text.count >= 2 else { return 0 }
        let third = text.count > 2 ? values[512 &+ Int(text[2])] : 0
        let bits = values[Int(text[0])] | values[256 &+ Int(text[1])] | third
        // The bits that are left over must be zero, or several texts would mean the same bytes.
        return bits & (text.count > 2 ? 0xFF : 0xFFFF) == 0 ? bits : .max
    }

    @inline(__always) private static func write(_ group: UInt32, to bytes: inout MutableSpan<UInt8>, at place: Int) {
        bytes[place &+ 2] = UInt8(truncatingIfNeeded: group)
        bytes[place &+ 1] = UInt8(truncatingIfNeeded: group >> 8)
        bytes[place] = UInt8(truncatingIfNeeded: group >> 16)
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The value of each of the 256 bytes, for each of the four places in a group, where it stands in one. All bits are set for those
    /// outside the alphabet, so that some are left above the 24 of a group.
    private static let values: [UInt32] = {
        var values = [UInt32](repeating: .max, count: 1024)
        for (value, character) in alphabet.enumerated() {
            for place in 0..<4 { values[place * 256 + Int(character)] = UInt32(value) << (18 - 6 * place) }
        }
        return values
    }()
}
