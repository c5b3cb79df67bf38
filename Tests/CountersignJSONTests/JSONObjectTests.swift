import CountersignJSON
import Testing

@Suite("JSON object")
struct JSONObjectTests {
    @Test("accessors answer only for the exact type")
    func accessors() {
        let object: JSONObject = ["s": "x", "i": 1, "l": ["a", "b"], "m": ["a", 1], "e": [], "o": ["k": 1], "n": .null]
        #expect(object.string("s") == "x")
        #expect(object.string("i") == nil)
        #expect(object.integer("s") == nil)
        #expect(object.strings("l") == ["a", "b"])
        #expect(object.strings("m") == nil)
        #expect(object.strings("e") == [])
        #expect(object.strings("s") == nil)
        #expect(object.array("m")?.count == 2)
        #expect(object.object("o") == ["k": 1])
        #expect(object.object("l") == nil)
        #expect(object["n"] == .null)
        #expect(object.string("n") == nil)
    }

    @Test("names and strings that look alike are different when their code points are")
    func comparesBytes() {
        let composed: JSONObject = ["caf\u{e9}": "\u{e9}"]
        let decomposed: JSONObject = ["cafe\u{301}": "e\u{301}"]
        #expect("caf\u{e9}" == "cafe\u{301}")
        #expect(composed["cafe\u{301}"] == nil)
        #expect(composed["caf\u{e9}"] != nil)
        #expect(composed != decomposed)
        #expect(JSONValue.string("\u{e9}") != JSONValue.string("e\u{301}"))
        // Canonical equivalents of the same length: the Angstrom sign, and A with a ring.
        #expect("\u{212b}" == "A\u{30a}")
        #expect(JSONValue.string("\u{212b}") != JSONValue.string("A\u{30a}"))
        #expect(JSONValue.string("\u{212b}") == JSONValue.string("\u{212b}"))
        #expect(composed == ["caf\u{e9}": "\u{e9}"])
    }

    @Test("order is part of equality, and a member added goes to the end")
    func order() {
        var object: JSONObject = ["a": 1]
        object.append("b", 2)
        #expect(object == ["a": 1, "b": 2])
        #expect(object != ["b": 2, "a": 1])
        #expect(object != ["a": 1])
    }
}
