/// Recognises `application/x-www-form-urlencoded`, with or without `charset=utf-8`.
enum FormContentType {
    private static let mediaType = "application/x-www-form-urlencoded"

    static func isForm(_ value: String?) -> Bool {
        guard let value else {
            return false
        }
        // What nearly all clients send.
        if value == mediaType { return true }
        let parts = value.split(separator: ";", omittingEmptySubsequences: false).map(trimmed)
        guard let type = parts.first, type.lowercased() == mediaType else {
            return false
        }
        return parts.dropFirst().allSatisfy { parameter in
            let parameter = parameter.lowercased()
            return !parameter.hasPrefix("charset=") || parameter == "charset=utf-8" || parameter == "charset=\"utf-8\""
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" {
            text.removeLast()
        }
        return text
    }
}
