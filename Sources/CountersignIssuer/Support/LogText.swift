/// Makes text from elsewhere fit to stand in one line of a log or on a terminal.
enum LogText {
    /// The text in single quotes; everything but printable ASCII, and the quote and backslash, is written as an escape.
    static func quoted(_ text: String, limit: Int = 200) -> String {
        "'\(escaped(text, limit: limit))'"
    }

    /// The text without anything that could end a line, steer a terminal or imitate another field.
    ///
    /// - Parameter limit: How long the result may be, escapes among it; three dots stand for the rest.
    static func escaped(_ text: String, limit: Int = 200) -> String {
        if text.utf8.count <= limit, isPlain(text) { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            let next = escaped(scalar)
            guard result.utf8.count + next.utf8.count <= limit else {
                return result + "..."
            }
            result += next
        }
        return result
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\\", "'", "\"": "\\\(scalar)"
        case " "..."~": "\(scalar)"
        default: "\\u{\(String(scalar.value, radix: 16))}"
        }
    }

    /// Whether all of it is ASCII from `lowest` to `~`, without quotes and backslashes: nothing to escape.
    static func isPlain(_ text: String, from lowest: UInt8 = 0x20) -> Bool {
        let bytes = text.utf8.span
        for index in bytes.indices {
            switch bytes[index] {
            case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "\\"): return false
            case lowest...0x7E: break
            default: return false
            }
        }
        return true
    }
}
