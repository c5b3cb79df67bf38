internal import Yams

/// What is behind the usual faults in a YAML file, and what to write instead: the parser only says where it gave up.
struct YAMLTraps {
    /// As they stand in the file, the first being line 1.
    private let lines: [Substring]

    init(_ text: String) {
        // The two characters that end a line on some systems are one Character.
        lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    }

    /// The line at fault and what to do; `nil` when none of the usual faults is there.
    ///
    /// - Parameters:
    ///   - begin: where what could not be read began, with the parser's words for it.
    ///   - end: where the parser gave up.
    func advice(begin: YamlError.Context?, end: Mark) -> (line: Int, message: String)? {
        switch begin?.text {
        case "while scanning a quoted scalar"?: return begin.map { ($0.mark.line, "the quote that begins here is not closed") }
        case "while parsing a quoted scalar"?:
            return (end.line, "a backslash has a meaning in double quotes; use single quotes")
        case "while parsing a flow sequence"?:
            return begin.map { ($0.mark.line, "the list that begins with [ here is not closed, or a comma is missing") }
        case "while parsing a flow mapping"?:
            return begin.map { ($0.mark.line, "what begins with { here is not closed, or a comma is missing") }
        case "while scanning a simple key"?: return begin.flatMap { colon(in: $0.mark.line) }
        default: break
        }
        guard let line = line(end.line) else { return nil }
        if line.prefix(while: \.isWhitespace).contains("\t") { return (end.line, "a tab cannot indent; write spaces") }
        if let message = quotes(in: line) { return (end.line, message) }
        // The key was read as the end of a text that began in the line before.
        if begin == nil, let before = self.line(end.line - 1), before.contains(":"), !before.contains(": "), before.last != ":" {
            return colon(in: end.line - 1)
        }
        switch begin?.text {
        case "while parsing a block mapping"?, "while parsing a block collection"?:
            return (end.line, "this line is indented otherwise than the lines it belongs to")
        default: return nil
        }
    }

    /// The first line with a character that no text has.
    var lineOfControlCharacter: Int? {
        lines.firstIndex { line in line.utf8.contains { $0 < 0x20 && $0 != UInt8(ascii: "\t") || $0 == 0x7F } }.map { $0 + 1 }
    }

    private func line(_ number: Int) -> Substring? {
        lines.indices.contains(number - 1) ? lines[number - 1] : nil
    }

    /// A key and its value without a space between them.
    private func colon(in number: Int) -> (line: Int, message: String)? {
        guard let line = line(number), let colon = line.firstIndex(of: ":") else {
            return (number, "a key is followed by a colon and a space")
        }
        let key = line[..<colon].drop { $0 == " " || $0 == "-" }
        return (number, "a space is missing behind the colon of \(LogText.quoted(String(key)))")
    }

    /// A value that has to be quoted.
    private func quotes(in line: Substring) -> String? {
        var rest = line.drop { $0 == " " }
        var key = ""
        if rest.hasPrefix("- ") { rest = rest.dropFirst(2).drop { $0 == " " } }
        if let separator = rest.firstRange(of: ": ") {
            key = String(rest[..<separator.lowerBound])
            rest = rest[separator.upperBound...].drop { $0 == " " }
        }
        let value = String(
            (rest.firstRange(of: " #").map { rest[..<$0.lowerBound] } ?? rest).reversed().drop { $0 == " " }.reversed())
        guard let first = value.first, key.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }) else {
            return nil
        }
        let reason: String
        switch first {
        // What may be a list or a mapping as it stands is not to be quoted.
        case "[" where value.hasSuffix("]"), "{" where value.hasSuffix("}"), "\"", "'": return nil
        case "[", "{", "@", "*", "%", "`", "|", ">", "]", "}", ",": reason = "a value that begins with \(first)"
        case "-" where value.hasPrefix("- "), "?" where value.hasPrefix("? "): reason = "a value that begins with \(first)"
        case _ where value.contains(": ") || value.hasSuffix(":"): reason = "a value with a colon and a space"
        default: return nil
        }
        guard LogText.isPlain(value), value.utf8.count <= 200 else { return "\(reason) has to be in quotes" }
        return "\(reason) has to be in quotes: \(key.isEmpty ? "" : "\(key): ")\"\(value)\""
    }
}
