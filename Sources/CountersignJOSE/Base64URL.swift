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
        // A local copy is looked up once, not once per character.
        let alphabet = alphabet
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 4 + 2) / 3)
        var pending: UInt32 = 0
        var bits = 0
        for byte in bytes {
            pending = pending << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(alphabet[Int(pending >> bits & 0x3F)])
            }
        }
        if bits > 0 {
            text.append(alphabet[Int(pending << (6 - bits) & 0x3F)])
        }
        return text
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
        // A local copy is looked up once, not once per character.
        let values = values
        var isCanonical = true
        let bytes = [UInt8](capacity: text.count / 4 * 3 + max(rest - 1, 0)) { bytes in
            // All values are or-ed together: a character outside the alphabet leaves a bit that no value has.
            var seen: UInt32 = 0
            var index = 0
            while index < text.count - rest {
                let first = UInt32(values[Int(text[index])])
                let second = UInt32(values[Int(text[index + 1])])
                let third = UInt32(values[Int(text[index + 2])])
                let fourth = UInt32(values[Int(text[index + 3])])
                seen |= first | second | third | fourth
                let group = first << 18 | second << 12 | third << 6 | fourth
                bytes.append(UInt8(truncatingIfNeeded: group >> 16))
                bytes.append(UInt8(truncatingIfNeeded: group >> 8))
                bytes.append(UInt8(truncatingIfNeeded: group))
                index += 4
            }
            var group: UInt32 = 0
            while index < text.count {
                let value = UInt32(values[Int(text[index])])
                seen |= value
                group = group << 6 | value
                index += 1
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
