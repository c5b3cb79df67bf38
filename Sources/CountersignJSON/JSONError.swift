/// Why JSON was not read or not written. Equality is the code.
///
/// Messages say where, never what: the text may be part of a token.
public struct JSONError: Error, Equatable, CustomStringConvertible {
    /// What went wrong. New codes may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code in kebab-case, as it appears in logs.
        public let rawValue: String

        /// More bytes than the caller allows; found before anything is parsed.
        public static let tooLarge = Code(rawValue: "json-too-large")
        /// Nested deeper than the caller allows; found before anything is parsed.
        public static let tooDeep = Code(rawValue: "json-too-deep")
        /// Not JSON, cut short, a lone surrogate, or a top level that is neither object nor array.
        public static let malformed = Code(rawValue: "json-malformed")
        /// Something other than white space after the value.
        public static let trailingBytes = Code(rawValue: "json-trailing-bytes")
        /// A name appears twice in one object, however it is escaped.
        public static let duplicateMember = Code(rawValue: "json-duplicate-member")
        /// Not UTF-8: overlong forms, encoded surrogates, stray or missing continuation bytes.
        public static let notUTF8 = Code(rawValue: "json-not-utf8")
        /// A NUL character, raw or as `\u0000`.
        public static let nulCharacter = Code(rawValue: "json-nul-character")
        /// An integer outside 64 bits with sign, or a number outside the range of `Double` or not finite.
        public static let numberOutOfRange = Code(rawValue: "json-number-out-of-range")
        /// The system gave no memory.
        public static let outOfMemory = Code(rawValue: "json-out-of-memory")

        public var description: String { rawValue }
    }

    /// What went wrong.
    public let code: Code
    /// What went wrong, in a sentence, without any of the text itself.
    public let message: String

    public var description: String { "\(code): \(message)" }

    public static func == (lhs: JSONError, rhs: JSONError) -> Bool {
        lhs.code == rhs.code
    }

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
