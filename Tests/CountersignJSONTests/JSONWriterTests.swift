import CountersignJSON
import Testing

@Suite("JSON writer")
struct JSONWriterTests {
    @Test("members are written in order, without white space, beyond ASCII as UTF-8")
    func compact() throws {
        let value: JSONValue = [
            "z": 1, "a": ["x", true, .null, .double(1.5)], "\u{e9}": "\u{1F600}/\"\\\n", "e": [:], "l": [], "n": .integer(.min),
        ]
        let expected =
            #"{"z":1,"a":["x",true,null,1.5],"\#u{e9}":"\#u{1F600}/\"\\\n","e":{},"l":[],"n":-9223372036854775808}"#
        #expect(String(decoding: try JSONWriter.bytes(value), as: UTF8.self) == expected)
    }

    @Test("pretty text reads back as the same value")
    func pretty() throws {
        let value: JSONValue = ["a": ["b", 2]]
        let text = try JSONWriter.bytes(value, pretty: true)
        #expect(String(decoding: text, as: UTF8.self) == "{\n  \"a\": [\n    \"b\",\n    2\n  ]\n}")
        #expect(try JSONReader.parse(text) == value)
    }

    @Test(
        "what is written reads back as the same value, also when it is long",
        arguments: [0, 1, 1022, 1023, 1024, 1025, 5000, 60_000]
    )
    func roundTrip(length: Int) throws {
        let value: JSONValue = [
            "s": .string(String(repeating: "\u{fc}", count: length / 2)), "d": .double(0.1), "i": .integer(.max),
        ]
        #expect(try JSONReader.parse(try JSONWriter.bytes(value)) == value)
        let ascii: JSONValue = [.string(String(repeating: "a", count: length))]
        #expect(try JSONReader.parse(try JSONWriter.bytes(ascii)) == ascii)
    }

    @Test("strings and names with NUL are refused, other control characters are escaped")
    func nul() throws {
        #expect(failure(["a\0b"]) == .nulCharacter)
        #expect(failure(["a\0": 1]) == .nulCharacter)
        #expect(failure(["a": ["b": ["\0"]]]) == .nulCharacter)
        #expect(try JSONWriter.bytes(["\u{1}"]) == Array(#"["\u0001"]"#.utf8))
    }

    @Test("an object with a name twice is refused")
    func duplicates() {
        #expect(failure(["a": 1, "a": 2]) == .duplicateMember)
        #expect(failure([["x": ["a": 1, "b": 1, "a": 1]]]) == .duplicateMember)
        #expect(failure(["a": 1, "A": 2, "": 3]) == nil)
    }

    @Test("numbers that are not finite are refused", arguments: [Double.nan, .infinity, -.infinity])
    func notFinite(number: Double) {
        #expect(failure([.double(number)]) == .numberOutOfRange)
        #expect(failure([.double(.greatestFiniteMagnitude)]) == nil)
    }

    @Test("only objects and arrays are written", arguments: [JSONValue.null, 1, "x", true, .double(1)])
    func topLevel(value: JSONValue) {
        #expect(failure(value) == .malformed)
        #expect(failure([value]) == nil)
    }

    @Test("nesting beyond the writer's limit is refused")
    func depth() {
        #expect(failure(nested(511)) == nil)
        #expect(failure(nested(600)) == .tooDeep)
    }

    private func nested(_ depth: Int) -> JSONValue {
        (1..<depth).reduce([]) { value, _ in [value] }
    }

    private func failure(_ value: JSONValue) -> JSONError.Code? {
        do {
            _ = try JSONWriter.bytes(value)
            return nil
        } catch {
            return error.code
        }
    }
}
