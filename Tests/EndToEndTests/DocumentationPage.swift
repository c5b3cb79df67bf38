import Foundation
import Testing

/// A Markdown file of this repository, taken apart as far as the tests of the documentation need it.
///
/// Conventions of the documentation:
/// - ```` ```sh ```` blocks are run, in order, in one fresh folder per page. A block that must not be run has
///   `<!-- not run: reason -->` on the line before it.
/// - A ```` ```text ```` block with nothing but empty lines between it and a ```` ```sh ```` block is what that block prints.
///   `...` stands for anything within a line, and a line of its own for any number of lines.
/// - ```` ```yaml ```` blocks are configurations, whole ones or some of the top-level sections.
/// - Each paragraph of a ```` ```swift ```` block stands in a file of `Snippets/`, but for white space.
struct DocumentationPage: Sendable, CustomTestStringConvertible {
    struct Block: Sendable {
        let language: String
        let text: String
        /// Where its first line stands, from 1.
        let line: Int
        /// Why it is not run; `nil` for a block that is.
        let notRun: String?
        /// For `text`: the index of the block whose output it shows.
        let outputOf: Int?
    }

    /// From the root of the repository.
    let path: String
    let text: String
    let blocks: [Block]

    var testDescription: String { path }

    /// Where a line is, for messages.
    func place(_ line: Int) -> String { "\(path):\(line)" }

    /// The root of the repository these tests were built from.
    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().standardizedFileURL.path

    static func source(_ path: String) throws -> String {
        try String(contentsOfFile: "\(repository)/\(path)", encoding: .utf8)
    }

    /// README.md and everything below docs/.
    static func all() throws -> [DocumentationPage] {
        let docs = try FileManager.default.subpathsOfDirectory(atPath: "\(repository)/docs").filter { $0.hasSuffix(".md") }
            .sorted()
        return try (["README.md"] + docs.map { "docs/\($0)" }).map { try DocumentationPage(path: $0, text: source($0)) }
    }

    init(path: String, text: String) throws {
        self.path = path
        self.text = text
        blocks = try Self.blocks(in: text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init), of: path)
    }

    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }
}

extension DocumentationPage {
    private static func blocks(in lines: [String], of path: String) throws -> [Block] {
        var blocks: [Block] = []
        var open: (language: String, line: Int, content: [String], notRun: String?, outputOf: Int?)?
        var endOfLastBlock = -1
        for (index, line) in lines.enumerated() {
            if var block = open {
                if line == "```" {
                    blocks.append(
                        Block(
                            language: block.language, text: block.content.joined(separator: "\n"), line: block.line,
                            notRun: block.notRun, outputOf: block.outputOf
                        )
                    )
                    open = nil
                    endOfLastBlock = index
                } else {
                    block.content.append(line)
                    open = block
                }
            } else if line.hasPrefix("```") {
                let language = String(line.dropFirst(3))
                let follows = endOfLastBlock >= 0 && lines[(endOfLastBlock + 1)..<index].allSatisfy(\.isEmpty)
                let isOutput = language == "text" && follows && blocks.last?.language == "sh" && blocks.last?.notRun == nil
                let notRun = index > 0 ? reasonNotToRun(lines[index - 1]) : nil
                open = (language, index + 2, [], notRun, isOutput ? blocks.count - 1 : nil)
            }
        }
        if let open { throw Malformed(description: "\(path):\(open.line): the block is not closed") }
        return blocks
    }

    private static func reasonNotToRun(_ line: String) -> String? {
        let (prefix, suffix) = ("<!-- not run: ", " -->")
        guard line.hasPrefix(prefix), line.hasSuffix(suffix) else { return nil }
        return String(line.dropFirst(prefix.count).dropLast(suffix.count))
    }
}
