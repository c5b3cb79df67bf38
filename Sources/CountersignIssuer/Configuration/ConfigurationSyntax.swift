/// The small languages inside a configuration file. Each function answers `nil` to anything it does not fully understand.
enum ConfigurationSyntax {
    /// The longest duration that can be written: ten years.
    static let longestDuration: Int64 = 3650 * 86_400

    /// `90s`, `5m`, `12h`, `30d` or `0`, in seconds.
    static func duration(_ text: String) -> Int64? {
        guard text != "0" else {
            return 0
        }
        let unit: Int64
        switch text.utf8.last {
        case UInt8(ascii: "s"): unit = 1
        case UInt8(ascii: "m"): unit = 60
        case UInt8(ascii: "h"): unit = 3600
        case UInt8(ascii: "d"): unit = 86_400
        default: return nil
        }
        guard let count = decimal(text.utf8.dropLast(), digits: 1...10), count <= longestDuration / unit else {
            return nil
        }
        return count * unit
    }

    /// Writes a duration the way it would be typed: the largest unit that divides it.
    static func text(ofDuration seconds: Int64) -> String {
        for (unit, letter) in [(86_400, "d"), (3600, "h"), (60, "m")] as [(Int64, String)]
        where seconds % unit == 0 && seconds > 0 {
            return "\(seconds / unit)\(letter)"
        }
        return seconds == 0 ? "0" : "\(seconds)s"
    }

    /// `[A-Za-z0-9._-]{1,128}`
    static func isServiceID(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default:
                    false
                }
            }
    }

    /// A scope token as in RFC 6749, section 3.3 (also the syntax of a role), up to 128 bytes.
    static func isScopeToken(_ text: some StringProtocol) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy(isScopeByte)
    }

    /// %x21 / %x23-5B / %x5D-7E
    static func isScopeByte(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && byte != 0x22 && byte != 0x5C
    }

    /// A name or URI of printable ASCII characters without quotation mark and backslash, up to 256 bytes.
    ///
    /// ASCII, so that equal texts are equal bytes: Swift's `==` calls some different code points equal.
    static func isAudience(_ text: some StringProtocol) -> Bool {
        (1...256).contains(text.utf8.count) && text.utf8.allSatisfy(isScopeByte)
    }

    /// Digits only, no sign, no leading zero unless it is the only digit.
    static func decimal(_ bytes: some Collection<UInt8>, digits: ClosedRange<Int>) -> Int64? {
        guard digits.contains(bytes.count), bytes.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            bytes.count == 1 || bytes.first != UInt8(ascii: "0")
        else {
            return nil
        }
        return Int64(String(decoding: bytes, as: UTF8.self))
    }
}
