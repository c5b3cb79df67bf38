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
        decode(text[...])
    }

    /// The bytes that a canonical text stands for, or nil. The empty text stands for no bytes.
    public static func decode(_ text: String) -> [UInt8]? {
        decode(Array(text.utf8)[...])
    }

    /// The bytes that a canonical text stands for, or nil. The empty text stands for no bytes.
    public static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        // A local copy is looked up once, not once per character.
        let values = values
        let rest = text.count % 4
        let groups = text.startIndex..<(text.endIndex - rest)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3 + 2)
        for index in stride(from: groups.lowerBound, to: groups.upperBound, by: 4) {
            let first = UInt32(values[Int(text[index])])
            let second = UInt32(values[Int(text[index + 1])])
            let third = UInt32(values[Int(text[index + 2])])
            let fourth = UInt32(values[Int(text[index + 3])])
            guard first | second | third | fourth < 64 else {
                return nil
            }
            let group = first << 18 | second << 12 | third << 6 | fourth
            bytes.append(UInt8(truncatingIfNeeded: group >> 16))
            bytes.append(UInt8(truncatingIfNeeded: group >> 8))
            bytes.append(UInt8(truncatingIfNeeded: group))
        }
        guard rest != 0 else {
            return bytes
        }
        // Two characters stand for one byte, three for two; one stands for no whole byte.
        var group: UInt32 = 0
        for character in text[groups.upperBound...] {
            let value = values[Int(character)]
            guard value < 64 else {
                return nil
            }
            group = group << 6 | UInt32(value)
        }
        // The bits that are left over must be zero, or several texts would mean the same bytes.
        switch rest {
        case 2 where group & 0xF == 0:
            bytes.append(UInt8(truncatingIfNeeded: group >> 4))
        case 3 where group & 0x3 == 0:
            bytes.append(UInt8(truncatingIfNeeded: group >> 10))
            bytes.append(UInt8(truncatingIfNeeded: group >> 2))
        default:
            return nil
        }
        return bytes
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
