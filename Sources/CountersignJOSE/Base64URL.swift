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
        encode(bytes.span)
    }

    private static func encode(_ bytes: Span<UInt8>) -> [UInt8] {
        let alphabet = alphabet
        let symbols = alphabet.span
        return [UInt8](capacity: (bytes.count * 4 + 2) / 3) { text in
            // Always so. Said here, where the compiler sees it, it takes the check out of every look into the alphabet.
            guard symbols.count == 64 else {
                return
            }
            var index = 0
            while index &+ 2 < bytes.count {
                let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index &+ 1]) << 8 | UInt32(bytes[index &+ 2])
                text.append(symbols[Int(group >> 18)])
                text.append(symbols[Int(group >> 12 & 0x3F)])
                text.append(symbols[Int(group >> 6 & 0x3F)])
                text.append(symbols[Int(group & 0x3F)])
                index &+= 3
            }
            // One byte is two characters, two are three; unused bits are zero.
            let rest = bytes.count - index
            guard rest > 0 else {
                return
            }
            let group = UInt32(bytes[index]) << 16 | (rest == 2 ? UInt32(bytes[index &+ 1]) << 8 : 0)
            text.append(symbols[Int(group >> 18)])
            text.append(symbols[Int(group >> 12 & 0x3F)])
            if rest == 2 {
                text.append(symbols[Int(group >> 6 & 0x3F)])
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

    private static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        // Two characters stand for one byte, three for two; one stands for no whole byte.
        let rest = text.count % 4
        guard rest != 1 else {
            return nil
        }
        let table = values
        let values = table.span
        var isCanonical = true
        let bytes = [UInt8](capacity: text.count / 4 * 3 + max(rest - 1, 0)) { bytes in
            // Always so. Said here, where the compiler sees it, it takes the check out of every look into the table.
            guard values.count == 256 else {
                isCanonical = false
                return
            }
            // All values are or-ed together: a character outside the alphabet leaves a bit that no value has.
            var seen: UInt32 = 0
            var index = 0
            while index &+ 3 < text.count {
                let first = UInt32(values[Int(text[index])])
                let second = UInt32(values[Int(text[index &+ 1])])
                let third = UInt32(values[Int(text[index &+ 2])])
                let fourth = UInt32(values[Int(text[index &+ 3])])
                seen |= first | second | third | fourth
                let group = first << 18 | second << 12 | third << 6 | fourth
                bytes.append(UInt8(truncatingIfNeeded: group >> 16))
                bytes.append(UInt8(truncatingIfNeeded: group >> 8))
                bytes.append(UInt8(truncatingIfNeeded: group))
                index &+= 4
            }
            var group: UInt32 = 0
            while index < text.count {
                let value = UInt32(values[Int(text[index])])
                seen |= value
                group = group << 6 | value
                index &+= 1
            }
            // The bits that are left over must be zero, or several texts would mean the same bytes.
            if rest == 2 {
                bytes.append(UInt8(truncatingIfNeeded: group >> 4))
                isCanonical = group & 0xF == 0
            } else if rest == 3 {
                bytes.append(UInt8(truncatingIfNeeded: group >> 10))
                bytes.append(UInt8(truncatingIfNeeded: group >> 2))
                isCanonical = group & 0x3 == 0
            }
            isCanonical = isCanonical && seen < 64
        }
        return isCanonical ? bytes : nil
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The value of each of the 256 bytes; 0xFF for those outside the alphabet.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, character) in alphabet.enumerated() {
            values[Int(character)] = UInt8(value)
        }
        return values
    }()
}
