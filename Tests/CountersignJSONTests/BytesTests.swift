import CountersignJSON
import Testing

@Suite("Bytes compared and searched")
struct BytesTests {
    private let bytes = Array("abcabc".utf8)

    @Test("a slice is the same as bytes of the same number and values only")
    func same() {
        #expect(bytes[3...].hasSameBytes(as: Array("abc".utf8)))
        #expect(!bytes[3...].hasSameBytes(as: Array("abd".utf8)))
        #expect(!bytes[3...].hasSameBytes(as: Array("ab".utf8)))
        #expect(!bytes[3...].hasSameBytes(as: bytes))
        #expect(bytes[6...].hasSameBytes(as: []))
        #expect([UInt8]()[...].hasSameBytes(as: []))
        #expect(![UInt8]()[...].hasSameBytes(as: [0]))
    }

    @Test("a byte is found from a place on, and not behind the end")
    func index() {
        let c = UInt8(ascii: "c")
        #expect(bytes.firstIndex(of: c, from: 0) == 2)
        #expect(bytes.firstIndex(of: c, from: 2) == 2)
        #expect(bytes.firstIndex(of: c, from: 3) == 5)
        #expect(bytes.firstIndex(of: c, from: 6) == nil)
        #expect(bytes.firstIndex(of: c, from: 7) == nil)
        #expect(bytes.firstIndex(of: c, from: -1) == nil)
        #expect(bytes.firstIndex(of: 0, from: 0) == nil)
        #expect([UInt8]().firstIndex(of: 0, from: 0) == nil)
        #expect([0, 0xFF].firstIndex(of: 0xFF, from: 0) == 1)
    }

    @Test("a text stands where all of it is, and never beyond the end")
    func text() {
        #expect(bytes.hasText("abc", at: 0))
        #expect(bytes.hasText("abc", at: 3))
        #expect(!bytes.hasText("abc", at: 1))
        #expect(!bytes.hasText("abc", at: 4))
        #expect(!bytes.hasText("abcabca", at: 0))
        #expect(!bytes.hasText("a", at: 6))
        #expect(!bytes.hasText("", at: 7))
        #expect(!bytes.hasText("", at: -1))
        #expect(bytes.hasText("", at: 6))
        #expect([UInt8]().hasText("", at: 0))
        #expect(![UInt8]().hasText("a", at: 0))
    }

    @Test("the text of some bytes is theirs, and there is none beyond the end")
    func part() {
        #expect(bytes.text(0..<6) == "abcabc")
        #expect(bytes.text(2..<4) == "ca")
        #expect(bytes.text(6..<6) == "")
        #expect(bytes.text(5..<7) == nil)
        #expect(bytes.text(7..<7) == nil)
        #expect(bytes.text(-1..<2) == nil)
        #expect([UInt8]().text(0..<0) == "")
        #expect([UInt8]().text(0..<1) == nil)
    }

    @Test("the ending of a text is its last eight bytes and nothing else", arguments: [8, 9, 15, 16, 40])
    func ending(length: Int) {
        let text = String(repeating: "x", count: length - 8) + "abcdefgh"
        #expect(text.ending == "abcdefgh".ending)
        #expect(text.ending != (text.dropLast() + "i").ending)
        #expect(text.ending != (text.dropLast(8) + "Abcdefgh").ending)
        #expect("bcdefgh".ending == 0)
        #expect("".ending == 0)
    }

    @Test("texts are added, and those that would need escaping are not")
    func adding() {
        var text: [UInt8] = []
        text.append("{\"")
        text.append("")
        let (short, long) = ("a /~", "a-text-that-is-longer-than-fifteen-bytes")
        let added = [text.append(plain: short), text.append(plain: long, from: 0x21)]
        #expect(added == [true, true])
        let refused = ["", "a\"", "\\", "\u{7F}", "\t", "\u{e9}", "a\0", "abcdefghijklmnopqrstuvwxyz\n"]
            .filter { text.append(plain: $0) }
        #expect(refused == [])
        let addedSpace = text.append(plain: "a b", from: 0x21)
        #expect(!addedSpace)
        #expect(text == Array("{\"\(short)\(long)".utf8))
    }
}
