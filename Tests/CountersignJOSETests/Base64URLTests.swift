import CountersignJOSE
import Foundation
import Testing

@Suite("base64url")
struct Base64URLTests {
    @Test(
        "the vectors of RFC 4648 section 10, without padding",
        arguments: [
            ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ]
    )
    func vectors(plain: String, text: String) {
        #expect(Base64URL.encode(Array(plain.utf8)) == text)
        #expect(Base64URL.decode(text) == Array(plain.utf8))
    }

    @Test("the example of RFC 7515 appendix C uses - and _")
    func alphabet() {
        #expect(Base64URL.encode([3, 236, 255, 224, 193]) == "A-z_4ME")
        #expect(Base64URL.decode("A-z_4ME") == [3, 236, 255, 224, 193])
    }

    @Test("every length and byte comes back as it was")
    func roundTrip() {
        for count in 0..<300 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ count) }
            let text = Base64URL.encodeBytes(bytes)
            #expect(Base64URL.decode(text) == bytes)
            #expect(Base64URL.decode(([0x2E] + text)[1...]) == bytes)
        }
    }

    @Test("padding is refused", arguments: ["Zg==", "Zm8=", "Zg=", "=", "====", "Zm9v="])
    func padding(text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test("the characters of plain base64 are refused", arguments: ["A+z_", "A-z/", "+/+/"])
    func plainAlphabet(text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test(
        "white space and everything else outside the alphabet is refused",
        arguments: [
            " Zm9v", "Zm9v ", "Zm9v\n", "Zm\r\n9v", "Zm\t9", "Zm.9", "Zm9\0", "Zm9\u{e9}", "Zm9\u{ff10}", "Zm9@", "Zm9[", "Zm9`",
            "Zm9{",
        ]
    )
    func otherCharacters(text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test("exactly 64 of the 256 bytes are in the alphabet")
    func alphabetSize() {
        let accepted = (UInt8.min...UInt8.max).filter { Base64URL.decode([$0, 0x41, 0x41, 0x41]) != nil }
        #expect(accepted.count == 64)
    }

    @Test("a last character with unused bits set is refused, so a signature has one spelling")
    func unusedBits() {
        #expect(Base64URL.decode("Zg") == [0x66])
        #expect(Base64URL.decode("Zm8") == [0x66, 0x6F])
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        #expect(alphabet.filter { Base64URL.decode([0x5A, $0]) != nil }.count == 4)
        #expect(alphabet.filter { Base64URL.decode([0x5A, 0x6D, $0]) != nil }.count == 16)
        #expect(alphabet.filter { Base64URL.decode([0x5A, 0x6D, 0x39, $0]) != nil }.count == 64)
    }

    @Test("a length of one more than a multiple of four is refused", arguments: ["A", "AAAAA", "Zm9vA"])
    func impossibleLength(text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test("every length, and every byte in each of the last places, is written as Foundation writes it")
    func encodesLikeAnother() {
        for count in 0...64 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ count &* 13) }
            #expect(Base64URL.encode(bytes) == reference(bytes))
            for place in max(0, count - 3)..<count where count < 10 {
                var changed = bytes
                for byte in UInt8.min...UInt8.max {
                    changed[place] = byte
                    #expect(Base64URL.encode(changed) == reference(changed))
                }
            }
        }
    }

    @Test("every length, and every byte at every place, is read as the specification says, or refused")
    func decodesLikeAnother() {
        for count in 0...64 {
            let text = (0..<count).map { Self.alphabet[($0 &* 29 &+ count) % 64] }
            #expect(Base64URL.decode(text) == plainly(text))
            for place in 0..<count where count < 20 {
                var changed = text
                for byte in UInt8.min...UInt8.max {
                    changed[place] = byte
                    #expect(Base64URL.decode(changed) == plainly(changed))
                }
            }
        }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private func reference(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    /// Bit by bit, slowly.
    private func plainly(_ text: [UInt8]) -> [UInt8]? {
        var bits: [Bool] = []
        for character in text {
            guard let value = Self.alphabet.firstIndex(of: character) else { return nil }
            bits += (0..<6).reversed().map { value >> $0 & 1 == 1 }
        }
        let left = bits.count % 8
        guard left < 6, !bits.suffix(left).contains(true) else { return nil }
        return stride(from: 0, to: bits.count - left, by: 8).map { start in
            bits[start..<start + 8].reduce(0) { $0 << 1 | ($1 ? 1 : 0) }
        }
    }
}
