import Testing

@testable import CountersignIssuer

@Suite("The YAML reader")
struct YAMLTests {
    @Test("takes values as text and keeps their lines")
    func values() throws {
        guard case .mapping(let members, 1) = try YAMLNode.parse("a: yes\nb:\n  - 0x10\n  - ''\nc: ~") else {
            Issue.record("not a mapping")
            return
        }
        #expect(members.map(\.name) == ["a", "b", "c"])
        #expect(members.map(\.line) == [1, 2, 5])
        guard case .scalar(let yes) = members[0].value, case .sequence(let list, 3) = members[1].value,
            case .scalar(let number) = list[0], case .scalar(let empty) = list[1], case .scalar(let null) = members[2].value
        else {
            Issue.record("wrong kinds")
            return
        }
        #expect(yes.text == "yes")
        #expect(number.text == "0x10")
        #expect(empty.text.isEmpty && !empty.isMissing)
        #expect(null.isMissing)
    }

    @Test(
        "refuses what is not plain data",
        arguments: [
            ("a: &x 1\nb: *x", 1, "anchors"), ("a: 1\nb: &x {}", 2, "anchors"), ("a: !!int 1", 1, "tags"),
            ("a: !x [1]", 1, "tags"), ("[a]: 1", 1, "a key must be a single value"), ("a: 1\na: 2", 1, "given more than once"),
            ("a: b: c", 1, "not valid YAML"), ("a: 1\n---\nb: 2", 2, "another document"),
            ("a: *x", 1, "begins with *"), ("\ta: 1", 1, "not valid YAML"),
        ]
    )
    func refused(text: String, line: Int, message: String) {
        do {
            _ = try YAMLNode.parse(text)
            Issue.record("accepted")
        } catch {
            #expect(error.line == line)
            #expect(error.message.contains(message), "\(error.message)")
        }
    }

    @Test(
        "says what to write where a character has a meaning that was not meant",
        arguments: [
            ("listen: [::1]:8443", 1, #"a value that begins with [ has to be in quotes: listen: "[::1]:8443""#),
            ("a: 1\nlisten: [::]:8443 # all", 2, #"a value that begins with [ has to be in quotes: listen: "[::]:8443""#),
            ("a: *:8443", 1, #"a value that begins with * has to be in quotes: a: "*:8443""#),
            ("a: 1\n- @b", 2, #"a value that begins with @ has to be in quotes: "@b""#),
            ("a:\r\n  b: %c\r\n", 2, #"a value that begins with % has to be in quotes: b: "%c""#),
            ("a: `b`", 1, #"a value that begins with ` has to be in quotes: a: "`b`""#),
            ("a: |b", 1, #"a value that begins with | has to be in quotes: a: "|b""#),
            ("a: - b", 1, #"a value that begins with - has to be in quotes: a: "- b""#),
            ("a: https://x: y", 1, #"a value with a colon and a space has to be in quotes: a: "https://x: y""#),
            ("a: @'b", 1, "a value that begins with @ has to be in quotes"),
            ("a: {{ b }}", 1, "a value that begins with { has to be in quotes"), ("a: !b", 1, "begins with ! in quotes"),
            ("a: &b", 1, "begins with & or * in quotes"),
            ("a:\n\tb: 1", 2, "a tab cannot indent; write spaces"),
            ("a:1\nb: 2", 1, "a space is missing behind the colon of 'a'"),
            ("a: 1\nb\nc: 2", 2, "a key is followed by a colon and a space"),
            ("a: \"b\nc: d\n", 1, "the quote that begins here is not closed"), (#"a: "\d""#, 1, "use single quotes"),
            ("a: 1\nb: [1\nc: 2", 2, "the list that begins with [ here is not closed"),
            ("a: { b: 1\nc: 2", 1, "what begins with { here is not closed"),
            ("a:\n  - b: 1\n   c: 2", 3, "indented otherwise"), ("a: 1\nb: c\u{1}", 2, "control characters"),
        ]
    )
    func traps(text: String, line: Int, message: String) {
        let error = #expect(throws: YAMLNode.ParseFailure.self) { try YAMLNode.parse(text) }
        #expect(error?.line == line && error?.message.contains(message) == true, "\(String(describing: error))")
    }

    @Test("takes the mark that some editors put before the first line")
    func byteOrderMark() throws {
        guard case .mapping(let members, 1) = try YAMLNode.parse("\u{feff}a: b\nc: d\n") else {
            Issue.record("no mapping")
            return
        }
        #expect(members.map(\.name) == ["a", "c"])
    }

    @Test("refuses deep nesting without falling over")
    func depth() {
        for depth in [17, 500, 900, 5000, 100_000] {
            for (open, close) in [("[", "]"), ("{a: ", "}")] {
                let text = String(repeating: open, count: depth) + String(repeating: close, count: depth)
                #expect(throws: YAMLNode.ParseFailure.self) { try YAMLNode.parse(text) }
            }
        }
        #expect(throws: Never.self) { try YAMLNode.parse(String(repeating: "[", count: 10) + String(repeating: "]", count: 10)) }
    }

    @Test("refuses a billion laughs at once, also as keys", .timeLimit(.minutes(1)))
    func aliases() {
        var values = "a0: &a0 [x]\n"
        var keys = "a0: &a0 [x]\n"
        for level in 1...40 {
            values += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n"
            keys += "a\(level): &a\(level) {*a\(level - 1) : *a\(level - 1)}\n"
        }
        for text in [values, keys, keys + "? *a40\n: x\n"] {
            do {
                _ = try YAMLNode.parse(text)
                Issue.record("accepted")
            } catch {
                #expect(error.message.contains("anchors and aliases"))
            }
        }
    }

    @Test("takes ampersands and asterisks that are just text")
    func sigils() throws {
        let line = "- \"&a *a\" # &a *a\n- CN=A &a *a\n"
        #expect(throws: Never.self) { try YAMLNode.parse(String(repeating: line, count: 2)) }
        #expect(throws: Never.self) { try YAMLNode.parse("- a *b *c *d *e *f *g *h *i *j *k &x\n") }
    }
}
