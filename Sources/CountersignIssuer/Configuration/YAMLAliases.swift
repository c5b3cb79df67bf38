/// A look at the raw text that keeps a document of aliases of aliases away from the parser.
///
/// Anchors and aliases are refused with their line once the document is parsed. But the parser hashes each mapping's keys while
/// it builds them, and a key that is an alias of aliases takes time exponential in their number. So texts in which more than a
/// handful of `*name` stand for a `&name` never reach it; few of them cannot multiply into much.
enum YAMLAliases {
    private static let harmless = 8

    static func mayMultiply(in text: String.UTF8View) -> Bool {
        guard text.contains(ampersand), text.contains(asterisk) else {
            return false
        }
        let anchors = Set(names(after: ampersand, in: text))
        guard !anchors.isEmpty else {
            return false
        }
        return names(after: asterisk, in: text).lazy.filter(anchors.contains).count > harmless
    }

    private static let ampersand = UInt8(ascii: "&")
    private static let asterisk = UInt8(ascii: "*")

    /// The words that follow `sigil` where a value could begin.
    private static func names(after sigil: UInt8, in text: String.UTF8View) -> [String] {
        var names: [String] = []
        var previous = UInt8(ascii: "\n")
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            index = text.index(after: index)
            if byte == sigil, canPrecedeValue(previous) {
                let end = text[index...].firstIndex(where: { !isNameByte($0) }) ?? text.endIndex
                if index < end {
                    names.append(String(decoding: text[index..<end], as: UTF8.self))
                }
                index = end
                previous = 0
            } else {
                previous = byte
            }
        }
        return names
    }

    private static func canPrecedeValue(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "["),
            UInt8(ascii: "{"), UInt8(ascii: ","), UInt8(ascii: ":"):
            true
        default:
            // The last byte of a line separator beyond ASCII, or of a byte order mark.
            byte >= 0x80
        }
    }

    /// The letters libyaml takes into the name of an anchor.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default:
            false
        }
    }
}
