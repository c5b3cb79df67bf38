import CountersignJSON
import Testing

@Suite("JSON reader")
struct JSONReaderTests {
    @Test("an object keeps its members in order with their types")
    func readsEveryType() throws {
        let text = #" {"z":null,"a":true,"f":false,"i":-7,"d":1.5,"s":"h\u00e9\ud83d\ude00","l":[1,"x"],"o":{"k":"v"}} "#
        let object = try JSONReader.parseObject(Array(text.utf8))
        #expect(object.names == ["z", "a", "f", "i", "d", "s", "l", "o"])
        #expect(object["z"] == .null)
        #expect(object["a"] == true)
        #expect(object["f"] == false)
        #expect(object.integer("i") == -7)
        #expect(object["d"] == .double(1.5))
        #expect(object.string("s") == "h\u{e9}\u{1F600}")
        #expect(object["l"] == [1, "x"])
        #expect(object.object("o")?.string("k") == "v")
        #expect(object["missing"] == nil)
    }

    @Test("an array may be the top level, and both may be empty", arguments: ["[]", "{}", "\n[ ]\t", "[{}]"])
    func readsContainers(text: String) throws {
        _ = try read(text)
    }

    @Test("a top level that is neither object nor array is refused", arguments: ["1", "\"x\"", "true", "null", "1.0", "-"])
    func refusesTopLevelScalar(text: String) {
        #expect(failure(text) == .malformed)
    }

    @Test("an array is refused where an object is expected")
    func refusesArrayForObject() throws {
        let error = #expect(throws: JSONError.self) { try JSONReader.parseObject(Array("[]".utf8)) }
        #expect(error?.code == .malformed)
        #expect(try JSONReader.parseObject(Array("{}".utf8)).count == 0)
    }

    @Test(
        "what is not JSON is refused",
        arguments: [
            "", " ", "{", "[", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "[1,]", "[,1]", "{a:1}", "{'a':1}",
            "{\"a\" 1}", "{\"a\":1 \"b\":2}", "[1 2]", "[\"\u{1}\"]", "[\"a\nb\"]", "[\"\\x\"]", "[\"\\u12\"]", "[\"abc", "[01]",
            "[+1]", "[.5]", "[1.]", "[1e]", "[0x1]", "[NaN]", "[Infinity]", "[nul]", "[True]", "/*c*/[]", "[]]", "{]", "[}",
            "\u{FEFF}{}",
        ]
    )
    func refusesMalformed(text: String) {
        let expected: JSONError.Code = text == "[]]" ? .trailingBytes : .malformed
        #expect(failure(text) == expected)
    }

    @Test("bytes after the value are refused, white space is not")
    func trailingBytes() throws {
        #expect(failure("{}{}") == .trailingBytes)
        #expect(failure("{} x") == .trailingBytes)
        #expect(failure("[],") == .trailingBytes)
        #expect(try read("{} \r\n\t") == [:])
    }

    @Test(
        "a name given twice is refused at any depth and however it is escaped",
        arguments: [
            #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"a":3}"#, #"{"a":1,"\u0061":2}"#, #"{"x":{"a":1,"a":2}}"#,
            #"[[{"x":[{"a":1,"a":2}]}]]"#, #"{"":1,"":2}"#,
        ]
    )
    func refusesDuplicates(text: String) {
        #expect(failure(text) == .duplicateMember)
    }

    @Test("names that differ only in case, form or place are different names")
    func acceptsSimilarNames() throws {
        #expect(try JSONReader.parseObject(Array(#"{"a":{"a":1},"A":2}"#.utf8)).count == 2)
        let forms = try JSONReader.parseObject(Array("{\"\u{e9}\":1,\"e\u{301}\":2}".utf8))
        #expect(forms.integer("\u{e9}") == 1)
        #expect(forms.integer("e\u{301}") == 2)
    }

    @Test("NUL is refused raw and escaped, in values and in names")
    func refusesNUL() {
        #expect(failure("{\"a\":\"b\0c\"}") == .nulCharacter)
        #expect(failure("{\"a\0\":1}") == .nulCharacter)
        #expect(failure("{}\0") == .nulCharacter)
        #expect(failure("\0") == .nulCharacter)
        #expect(failure(#"{"a":"b\u0000c"}"#) == .nulCharacter)
        #expect(failure(#"{"a\u0000b":1}"#) == .nulCharacter)
        #expect(failure(#"{"\u0000":1}"#) == .nulCharacter)
        #expect(failure(#"{"a":"\u0001\\u0000"}"#) == nil)
    }

    @Test("nesting is accepted up to the limit and refused one level beyond it")
    func depthEdge() {
        #expect(failure(nested(8)) == nil)
        #expect(failure(nested(9)) == .tooDeep)
        #expect(failure(nested(3), JSONLimits(maxDepth: 3)) == nil)
        #expect(failure(nested(4), JSONLimits(maxDepth: 3)) == .tooDeep)
        #expect(failure(#"{"a":{"b":{}}}"#, JSONLimits(maxDepth: 3)) == nil)
        #expect(failure(#"{"a":{"b":{}}}"#, JSONLimits(maxDepth: 2)) == .tooDeep)
    }

    @Test("depth is checked before the text is parsed, and siblings and brackets in strings do not count")
    func depthCounting() {
        #expect(failure(String(repeating: "[", count: 60_000)) == .tooDeep)
        #expect(failure(String(repeating: "{\"a\":", count: 10_000)) == .tooDeep)
        #expect(failure("[[],[],[],{},{},[],[],[],[],[]]") == nil)
        #expect(failure(#"["[[[[[[[[[[[[","\"[[[[[[[[[[[[","\\",[]]"#) == nil)
        #expect(failure(#"["\\",[[[[[[[[]]]]]]]]]"#) == .tooDeep)
    }

    @Test("a text of exactly the allowed size is accepted and one byte more refused")
    func sizeEdge() {
        #expect(failure("[1]", JSONLimits(maxBytes: 3)) == nil)
        #expect(failure("[1]", JSONLimits(maxBytes: 2)) == .tooLarge)
        let full = "[\"" + String(repeating: "a", count: 65_532) + "\"]"
        #expect(full.utf8.count == 65_536)
        #expect(failure(full) == nil)
        #expect(failure(full + " ") == .tooLarge)
    }

    @Test(
        "text that is not UTF-8 is refused in values and in names",
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC0, 0xAF], [0xC1, 0xBF], [0xE0, 0x80, 0xAF], [0xE0, 0x9F, 0xBF],
            [0xF0, 0x80, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
            [0xFF], [0xFE], [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98],
        ] as [[UInt8]]
    )
    func refusesInvalidUTF8(bytes: [UInt8]) {
        #expect(failure(Array("[\"".utf8) + bytes + Array("\"]".utf8)) == .notUTF8)
        #expect(failure(Array("{\"".utf8) + bytes + Array("\":1}".utf8)) == .notUTF8)
    }

    @Test("the first and last code points of each length are accepted")
    func acceptsUTF8Edges() throws {
        let edges: [Unicode.Scalar] = [
            "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}",
        ]
        for scalar in edges {
            #expect(try read("[\"\(scalar)\"]") == [.string(String(scalar))])
        }
    }

    @Test(
        "a lone half of a surrogate pair is refused, a pair is not",
        arguments: [
            #"["\ud800"]"#, #"["\udc00"]"#, #"["\ud800x"]"#, #"["\ud800\ud800"]"#, #"["\ud800\u0041"]"#, #"["\udc00\ud800"]"#,
            #"{"\udfff":1}"#,
        ]
    )
    func refusesLoneSurrogates(text: String) throws {
        #expect(failure(text) == .malformed)
        #expect(try read(#"["\ud83d\ude00"]"#) == ["\u{1F600}"])
    }

    @Test("integers are read within 64 bits and refused outside")
    func integerRange() throws {
        #expect(try read("[9223372036854775807,-9223372036854775808]") == [.integer(.max), .integer(.min)])
        #expect(failure("[9223372036854775808]") == .numberOutOfRange)
        #expect(failure("[-9223372036854775809]") == .numberOutOfRange)
        #expect(failure("[18446744073709551617]") == .numberOutOfRange)
        #expect(failure("[1" + String(repeating: "0", count: 400) + "]") == .numberOutOfRange)
    }

    @Test("numbers beyond Double are refused, small ones are not")
    func realRange() throws {
        #expect(failure("[1e400]") == .numberOutOfRange)
        #expect(failure("[-1e400]") == .numberOutOfRange)
        #expect(failure("[1e-400]") == nil)
        #expect(try read("[1e3]") == [.double(1000)])
    }

    @Test("a number with a fraction or an exponent is not an integer")
    func floatsAreNotIntegers() throws {
        let object = try JSONReader.parseObject(Array(#"{"a":1.0,"b":1e0,"c":1,"d":"1"}"#.utf8))
        #expect(object.integer("a") == nil)
        #expect(object.integer("b") == nil)
        #expect(object.integer("c") == 1)
        #expect(object.integer("d") == nil)
    }

    @Test("no error quotes the text")
    func errorsDoNotQuote() {
        for text in [#"{"secret-name": tru }"#, #"{"secret-name":1,"secret-name":2}"#, #"["secret-name" "#, #"{} secret-name"#] {
            let error = #expect(throws: JSONError.self) { try JSONReader.parse(Array(text.utf8)) }
            #expect(error?.description.contains("secret") == false)
            #expect(error?.message.isEmpty == false)
        }
    }

    private func read(_ text: String) throws -> JSONValue {
        try JSONReader.parse(Array(text.utf8))
    }

    private func failure(_ text: String, _ limits: JSONLimits = JSONLimits()) -> JSONError.Code? {
        failure(Array(text.utf8), limits)
    }

    private func failure(_ bytes: [UInt8], _ limits: JSONLimits = JSONLimits()) -> JSONError.Code? {
        do {
            _ = try JSONReader.parse(bytes, limits: limits)
            return nil
        } catch {
            return error.code
        }
    }

    private func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
}
