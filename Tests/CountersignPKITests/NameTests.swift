import CountersignPKI
import Testing

@Suite struct NameTests {
    @Test(arguments: ["a", "0", "user-svc", "a--b", "1-2", String(repeating: "a", count: 63)])
    func takesServiceNames(text: String) throws {
        #expect(try ServiceName(text).rawValue == text)
        #expect(try ServiceName(text).description == text)
    }

    @Test(arguments: [
        "", "-", "-a", "a-", "A", "user_svc", "user.svc", "user svc", "../ca", "a/b", ".", "..", "ä", "a\n", "a\u{0}",
        "user-svc ",
        String(repeating: "a", count: 64),
    ])
    func refusesOtherServiceNames(text: String) {
        #expect(throws: PKIError(.invalidName, "")) { try ServiceName(text) }
    }

    @Test(arguments: ["link.internal", "a", "a_b-c.1", String(repeating: "a", count: 255)])
    func takesTrustDomains(text: String) throws {
        #expect(try TrustDomain(text).rawValue == text)
    }

    @Test(arguments: [
        "", ".", "a.", ".a", "a..b", "Link.internal", "link.internal/x", "spiffe://a", "a:1", "a b", "ä", "a?b", "a#b", "a@b",
        String(repeating: "a", count: 256),
    ])
    func refusesOtherTrustDomains(text: String) {
        #expect(throws: PKIError(.invalidName, "")) { try TrustDomain(text) }
    }

    @Test(
        arguments: [
            ("1", [1]), ("0a", [10]), ("0A:0b", [10, 11]), ("a0b", [10, 11]), ("000001", [1]), ("ff:FF:00", [255, 255, 0]),
            ("0", [0]), ("00:00", [0]), (String(repeating: "f", count: 128), Array(repeating: 255, count: 64)),
            ("00" + String(repeating: "1", count: 127), [1] + Array(repeating: 0x11, count: 63)),
        ] as [(String, [UInt8])])
    func takesSerialNumbers(text: String, bytes: [UInt8]) throws {
        #expect(try SerialNumber(text).bytes == bytes)
        #expect(try SerialNumber(SerialNumber(text).hex).bytes == bytes)
    }

    @Test(arguments: ["", "x", "0x1", "1 2", "-1", ":", "１", "é", "1" + String(repeating: "0", count: 128)])
    func refusesOtherSerialNumbers(text: String) {
        #expect(throws: PKIError(.invalidName, "")) { try SerialNumber(text) }
    }

    /// What somebody typed never moves a terminal's cursor or fills its screen.
    @Test func errorsShowWhatWasTypedInAFewPlainCharacters() {
        let error = #expect(throws: PKIError.self) {
            try ServiceName("\u{1b}[31mred\u{202e}" + String(repeating: "x", count: 500))
        }
        #expect(error?.message.utf8.allSatisfy { (0x20...0x7e).contains($0) } == true)
        #expect((error?.message.utf8.count ?? 1000) < 150)
    }
}
