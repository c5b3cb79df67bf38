/// Text from elsewhere, fit to stand in one line on a terminal.
enum TerminalText {
    /// The text without what could end the line, move the cursor, change colours or turn the direction of what follows: that is
    /// written as an escape, as in the logs.
    static func printable(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default:
                result.unicodeScalars.append(scalar)
            }
        }
    }
}
