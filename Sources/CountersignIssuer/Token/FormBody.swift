/// The parameters of an `application/x-www-form-urlencoded` body, decoded strictly.
///
/// A percent sign has two hexadecimal digits after it and the decoded bytes are UTF-8, or the body is refused: whatever a lenient
/// reader would guess here, another reader of the same request might guess differently.
struct FormBody {
    /// The largest body that is read (design: 413 above it).
    static let maximumBytes = 16 * 1024

    struct Malformed: Error {}

    /// Names and values in the order they were sent; values may be empty, names may repeat.
    let parameters: [(name: String, value: String)]

    init(_ bytes: some Collection<UInt8>) throws(Malformed) {
        guard bytes.count <= Self.maximumBytes else {
            throw Malformed()
        }
        // From here on of one type: generic code is ten times slower.
        parameters = try Self.parameters(ArraySlice(bytes))
    }

    private static func parameters(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> [(name: String, value: String)] {
        var parameters: [(name: String, value: String)] = []
        var rest = bytes
        while !rest.isEmpty {
            let part = rest.prefix { $0 != UInt8(ascii: "&") }
            rest = rest.dropFirst(part.count + 1)
            guard !part.isEmpty else {
                continue
            }
            let name = part.prefix { $0 != UInt8(ascii: "=") }
            parameters.append((try decode(name), try decode(part.dropFirst(name.count + 1))))
        }
        return parameters
    }

    private static func decode(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var rest = bytes.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "+"):
                decoded.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(hexadecimalDigit), let low = rest.next().flatMap(hexadecimalDigit) else {
                    throw Malformed()
                }
                decoded.append(high << 4 | low)
            default:
                decoded.append(byte)
            }
        }
        guard !decoded.contains(0) else {
            throw Malformed()
        }
        // Of ASCII nothing is repaired, and to validate it costs more than all the rest.
        if decoded.allSatisfy({ $0 < 0x80 }) {
            return String(decoding: decoded, as: UTF8.self)
        }
        guard let text = String(validating: decoded, as: UTF8.self) else {
            throw Malformed()
        }
        return text
    }

    private static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
