import CountersignTesting
import Foundation
import Testing

/// The reference pages name everything there is, and nothing there is not.
@Suite struct DocumentationReferenceTests {
    /// Files in which reason codes are defined, as `"kebab-case"` literals.
    private static let codeFiles = [
        "Sources/Countersign/Verdict/Reason.swift",
        "Sources/CountersignCrypto/PathFailure.swift",
        "Sources/CountersignIssuer/Token/TokenRefusal.swift",
        "Sources/CountersignIssuer/Policy/ServiceRefusal.swift",
        "Sources/CountersignTLS/HandshakeRefusal.swift",
        "Sources/CountersignHummingbird/Transport/OverloadNotice.swift",
    ]

    @Test func everyReasonCodeIsExplainedOnce() throws {
        var codes: Set<String> = []
        for file in Self.codeFiles {
            for literal in try DocumentationPage.source(file).matches(of: /"([a-z]+(?:-[a-z]+)+)"/) {
                codes.insert(String(literal.1))
            }
        }
        let page = try DocumentationPage.source("docs/reference/reasons.md")
        let rows = page.matches(of: /\n\| `([a-z-]+)` \|/).map { String($0.1) }
        #expect(codes.subtracting(rows).sorted() == [], "not explained")
        #expect(Set(rows).subtracting(codes).sorted() == [], "explained, but there is no such code")
    }

    @Test(.timeLimit(.minutes(5))) func everyCommandAndEveryOptionIsExplained() throws {
        let page = try DocumentationPage.source("docs/reference/command-line.md")
        var sections: [String: String] = [:]
        for section in page.components(separatedBy: "\n### ").dropFirst() {
            let command = section.prefix { $0 != "\n" }.dropFirst("`countersign ".count).prefix { $0 != "`" }
            sections[String(command)] = section.components(separatedBy: "\n## ").first
        }
        // From the program, not from the page: a command that the page forgets is to be noticed.
        let commands = try Self.commands(under: [])
        let names = commands.map { $0.words.joined(separator: " ") }
        #expect(Set(sections.keys).subtracting(names).sorted() == [], "explained, but there is no such command")
        for (name, help) in zip(names, commands.map(\.help)) {
            guard let section = sections[name] else {
                Issue.record("countersign \(name): not explained")
                continue
            }
            let known = Self.options(in: help.components(separatedBy: "\nOPTIONS:").last ?? "").subtracting([
                "--help", "--version",
            ])
            let explained = Self.options(in: section)
            #expect(known.subtracting(explained).sorted() == [], "\(name): not explained")
            #expect(
                explained.subtracting(Self.options(in: help)).sorted() == [], "\(name): explained, but there is no such option"
            )
        }
        #expect(commands.count >= 10)
    }

    /// The commands that have none below them, with their help.
    private static func commands(under words: [String]) throws -> [(words: [String], help: String)] {
        let help = try Shell.run("\(DocumentationScript.builtProducts)/countersign", words + ["--help"]).standardOutput
        let list = help.components(separatedBy: "\nSUBCOMMANDS:\n").dropFirst().first ?? ""
        let below = list.matches(of: /(?m)^  ([a-z][a-z-]*)(?: |$)/).map { String($0.1) }
        return below.isEmpty ? [(words, help)] : try below.flatMap { try commands(under: words + [$0]) }
    }

    @Test func everyLinkLeadsSomewhere() throws {
        for page in try DocumentationPage.all() {
            let folder = "\(DocumentationPage.repository)/\(page.path)".split(separator: "/").dropLast().joined(separator: "/")
            for link in page.text.matches(of: /\]\(([^)#\s]*)(?:#([^)\s]*))?\)/) where !link.1.hasPrefix("http") {
                let target = link.1.isEmpty ? "\(DocumentationPage.repository)/\(page.path)" : "/\(folder)/\(link.1)"
                #expect(FileManager.default.fileExists(atPath: target), "\(page.path): \(link.0)")
                guard let anchor = link.2, target.hasSuffix(".md") else { continue }
                let headings = try String(contentsOfFile: target, encoding: .utf8).matches(of: /(?m)^#+ (.*)$/).map {
                    Self.anchor(of: $0.1)
                }
                #expect(headings.contains(String(anchor)), "\(page.path): \(link.0)")
            }
        }
    }

    @Test func everyTestNamedIsThere() throws {
        let tests = "\(DocumentationPage.repository)/Tests"
        let sources = try FileManager.default.subpathsOfDirectory(atPath: tests).filter { $0.hasSuffix(".swift") }
            .map { try String(contentsOfFile: "\(tests)/\($0)", encoding: .utf8) }
        let names = try DocumentationPage.source("docs/security/attacks.md").matches(of: /`(?:([A-Z]\w+)\.)?([a-z]\w+)\(\)`/)
        for name in names {
            let found = sources.contains { source in
                source.contains("func \(name.2)(") && name.1.map { source.contains("struct \($0) ") } ?? true
            }
            #expect(found, "\(name.0)")
        }
        #expect(names.count > 40)
    }

    @Test func theTestCommandIsTheOneThatIsRun() throws {
        let command = try #require(DocumentationPage.source("README.md").firstMatch(of: /swift test[^`\n]*/))
        #expect(try DocumentationPage.source(".ci/run").split(separator: "\n").contains { $0 == command.0 })
    }

    @Test func theFirstCommandInstallsWhatTheTestsNeed() throws {
        let command = try #require(DocumentationPage.source("README.md").firstMatch(of: /apt-get install -y ([^&]+)&&/))
        let script = try #require(DocumentationPage.source(".ci/run").firstMatch(of: /(?m)^packages=\(([^)]+)\)/))
        func packages(_ list: Substring) -> Set<Substring> { Set(list.split(whereSeparator: \.isWhitespace)) }
        #expect(packages(command.1) == packages(script.1))
    }

    private static func options(in text: String) -> Set<String> {
        Set(text.matches(of: /--[a-z][a-z-]*/).map { String($0.0) })
    }

    /// The anchor that Markdown renderers give a heading.
    private static func anchor(of heading: Substring) -> String {
        String(
            heading.lowercased().compactMap { character in
                character == " " ? "-" : character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
            })
    }
}
