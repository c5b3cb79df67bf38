import CountersignTesting
import Foundation
import Testing

/// What the documentation says is what the program does.
@Suite(.serialized) struct DocumentationTests {
    @Test(.timeLimit(.minutes(6)), arguments: try DocumentationPage.all().filter(\.hasCommands))
    func everyCommandOfAPageRunsInOrder(page: DocumentationPage) async throws {
        let script = try DocumentationScript(page)
        let outcome = try await script.run()
        for (index, block) in page.blocks.enumerated() {
            if !outcome.succeeded, index == outcome.lastBlock {
                Issue.record("\(page.place(block.line)) failed:\n\(outcome.output[index] ?? "")")
            }
            guard let source = block.outputOf, let printed = outcome.output[source] else { continue }
            if let missing = Self.firstLine(of: script.withPorts(block.text), missingIn: printed) {
                Issue.record("\(page.place(block.line)) is not what is printed; \"\(missing)\" is missing in:\n\(printed)")
            }
        }
        #expect(outcome.succeeded)
    }

    @Test func everyBlockSaysWhatItIs() throws {
        for page in try DocumentationPage.all() {
            for block in page.blocks {
                let known = ["sh", "text", "yaml", "swift", "json", "http", "mermaid", "nginx", "ini"]
                #expect(known.contains(block.language), "\(page.place(block.line)): ```\(block.language)")
                guard let reason = block.notRun else { continue }
                #expect(block.language == "sh" && !reason.isEmpty, "\(page.place(block.line))")
            }
        }
    }

    @Test func everySwiftParagraphIsCompiled() throws {
        let folder = "\(DocumentationPage.repository)/Tests/EndToEndTests/Snippets"
        let snippets = try FileManager.default.contentsOfDirectory(atPath: folder).map { name in
            Self.normalised(try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8))
        }
        for page in try DocumentationPage.all() {
            for block in page.blocks where block.language == "swift" {
                for paragraph in block.text.components(separatedBy: "\n\n") {
                    let wanted = Self.normalised(paragraph)
                    #expect(snippets.contains { $0.contains(wanted) }, "\(page.place(block.line)):\n\(paragraph)")
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(2))) func everyConfigurationPassesTheCheck() throws {
        let folder = try TestDirectory()
        let countersign = "\(DocumentationScript.builtProducts)/countersign"
        for arguments in [
            ["pki", "init", "--dir", "certs", "--trust-domain", "link.internal"],
            ["pki", "issue", "issuer", "--dir", "certs", "--dns", "tokens.link.internal", "--dns", "localhost"],
            ["keys", "init", "--keys", "keys"],
        ] {
            let result = try Shell.run(countersign, arguments, directory: folder.path)
            try #require(result.succeeded, "\(arguments): \(result.standardError)")
        }
        for page in try DocumentationPage.all() {
            for block in page.blocks where block.language == "yaml" {
                try folder.write(Self.wholeConfiguration(from: block.text), to: "countersign.yaml")
                let result = try Shell.run(countersign, ["config", "check", "countersign.yaml"], directory: folder.path)
                #expect(result.succeeded, "\(page.place(block.line)): \(result.standardError)")
            }
        }
    }

    /// The configuration with its missing top-level sections filled in.
    private static func wholeConfiguration(from text: String) -> String {
        let sections = [
            "issuer": "issuer: https://localhost:8443",
            "listen": "listen: 127.0.0.1:8443",
            "tls": "tls: { certificate: certs/issuer/cert.pem, privateKey: certs/issuer/key.pem, clientCA: certs/ca.pem }",
            "keys": "keys: { directory: keys }",
            "services": "services: []",
        ]
        let given = Set(
            text.split(separator: "\n").compactMap { line in line.first?.isLetter == true ? line.prefix { $0 != ":" } : nil })
        return text + "\n" + sections.filter { !given.contains(Substring($0.key)) }.map { $0.value + "\n" }.sorted().joined()
    }

    private static func normalised(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// The first line of a documented output that what was printed does not have in its place.
    private static func firstLine(of documented: String, missingIn printed: String) -> String? {
        // To Swift, CR LF is one character, and not LF.
        var rest = printed.replacingOccurrences(of: "\r\n", with: "\n").split(separator: "\n")[...]
        var mayBeFurtherDown = false
        for line in documented.split(separator: "\n") {
            if line == "..." {
                mayBeFurtherDown = true
                continue
            }
            let found = mayBeFurtherDown ? rest.firstIndex { matches($0, line) } : rest.indices.first
            guard let found, matches(rest[found], line) else { return String(line) }
            rest = rest[(found + 1)...]
            mayBeFurtherDown = false
        }
        return nil
    }

    /// `...` stands for anything.
    private static func matches(_ printed: Substring, _ documented: Substring) -> Bool {
        let parts = documented.components(separatedBy: "...")
        guard let first = parts.first, let last = parts.last, parts.count > 1 else { return printed == documented }
        var rest = printed
        guard rest.hasPrefix(first) else { return false }
        rest = rest.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let range = rest.range(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return rest.hasSuffix(last)
    }
}

extension DocumentationPage {
    fileprivate var hasCommands: Bool { blocks.contains { $0.language == "sh" && $0.notRun == nil } }
}
