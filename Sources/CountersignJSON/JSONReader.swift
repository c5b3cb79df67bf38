internal import CJansson

/// How much JSON is accepted. Both are checked before the parser sees a byte.
public struct JSONLimits: Sendable, Hashable {
    /// The most bytes a text may have.
    public let maxBytes: Int
    /// The most arrays and objects inside each other, the outermost counting as one. Never more than 512 is useful:
    /// conversion recurses once per level.
    public let maxDepth: Int

    /// Limits of 64 KiB and eight levels unless told otherwise.
    public init(maxBytes: Int = 64 * 1024, maxDepth: Int = 8) {
        self.maxBytes = maxBytes
        self.maxDepth = maxDepth
    }
}

/// Reads JSON (RFC 8259) strictly: what two readers could understand differently is refused.
///
/// Refused besides what is not JSON: a name twice in one object (RFC 7515 10.12, RFC 8725), NUL raw or escaped, text that is
/// not UTF-8, lone surrogates, a byte order mark, integers outside 64 bits, numbers too large for `Double`, anything after
/// the value, and a top level that is neither object nor array.
public enum JSONReader {
    /// Reads one object or array, with white space around it allowed.
    ///
    /// Cost: one pass to measure, one to parse, and memory for the values. Fails closed: there is no partial result.
    ///
    /// - Throws: ``JSONError``; `tooLarge`, `tooDeep` and raw NUL before anything else is looked at.
    public static func parse(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) -> JSONValue {
        guard bytes.count <= limits.maxBytes else {
            throw JSONError(.tooLarge, "The JSON has \(bytes.count) bytes; at most \(limits.maxBytes) are accepted.")
        }
        try measure(bytes, maxDepth: limits.maxDepth)
        return try OwnedJSON(parsing: bytes).value()
    }

    /// Reads one object; anything else is `malformed`.
    public static func parseObject(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) -> JSONObject {
        guard case .object(let object) = try parse(bytes, limits: limits) else {
            throw JSONError(.malformed, "The JSON is an array where an object is expected.")
        }
        return object
    }

    /// Refuses nesting beyond the limit, and raw NUL, before a parser that recurses sees the text. Brackets inside strings do
    /// not count. For text that is not JSON the count means nothing and the parser refuses it.
    private static func measure(_ bytes: [UInt8], maxDepth: Int) throws(JSONError) {
        var depth = 0
        var inString = false
        var escaped = false
        for byte in bytes {
            if byte == 0 {
                throw JSONError(.nulCharacter, "The JSON holds a NUL byte.")
            }
            if inString {
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                inString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                if depth > maxDepth {
                    throw JSONError(.tooDeep, "The JSON is nested more than \(maxDepth) levels deep.")
                }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
            default:
                break
            }
        }
    }
}
