internal import Yams

extension YAMLNode {
    /// Why a text is not a document we read.
    package struct ParseFailure: Error {
        package let line: Int?
        package let message: String
    }

    /// The deepest nesting of lists and mappings.
    static let maximumDepth = 16

    /// Reads one document.
    ///
    /// Yams is asked not to guess types: its default rules cost a regular expression per key, which more than doubles the time
    /// for a file of 10,000 services, and would read some names as numbers or truth values.
    ///
    /// - Throws: ``ParseFailure`` when the text is no YAML, is empty, repeats a key, or uses anchors, aliases or tags.
    package static func parse(_ text: String) throws(ParseFailure) -> YAMLNode {
        if YAMLAliases.mayMultiply(in: text.utf8) {
            throw ParseFailure(
                line: nil,
                message:
                    "YAML anchors and aliases are not supported; write each value out, and one that begins with & or * in quotes")
        }
        // What some editors write before the first line.
        let marked = text.hasPrefix("\u{feff}") ? String(text.unicodeScalars.dropFirst()) : text
        // Yams keeps a pointer into the text, and a text of up to 15 bytes has no place in memory of its own.
        let text = marked.utf8.count < 16 ? marked + String(repeating: " ", count: 16) : marked
        do {
            let parser = try Parser(yaml: text, resolver: .basic, constructor: .default, encoding: .utf8)
            // Nodes hold their anchors weakly, the parser strongly: it has to outlive the conversion.
            return try withExtendedLifetime(parser) {
                guard let root = try parser.singleRoot() else {
                    throw ParseFailure(line: nil, message: "the file is empty")
                }
                return try convert(root, depth: 0)
            }
        } catch let failure as ParseFailure {
            throw failure
        } catch let error as YamlError {
            throw ParseFailure(error, in: text)
        } catch {
            throw ParseFailure(line: nil, message: "not valid YAML")
        }
    }

    private static func convert(_ node: Node, depth: Int) throws(ParseFailure) -> YAMLNode {
        switch node {
        case .scalar(let scalar):
            let line = scalar.mark?.line ?? 0
            try check(hasAnchor: scalar.anchor != nil, tag: scalar.tag, line: line)
            let isPlain = scalar.style == .plain || scalar.style == .any
            return .scalar(Scalar(text: scalar.string, isQuoted: !isPlain, line: line))
        case .sequence(let sequence):
            let line = sequence.mark?.line ?? 0
            try check(hasAnchor: sequence.anchor != nil, tag: sequence.tag, line: line)
            try check(depth: depth, line: line)
            var elements: [YAMLNode] = []
            elements.reserveCapacity(sequence.count)
            for element in sequence {
                elements.append(try convert(element, depth: depth + 1))
            }
            return .sequence(elements, line: line)
        case .mapping(let mapping):
            let line = mapping.mark?.line ?? 0
            try check(hasAnchor: mapping.anchor != nil, tag: mapping.tag, line: line)
            try check(depth: depth, line: line)
            var members: [Member] = []
            members.reserveCapacity(mapping.count)
            for (key, value) in mapping {
                guard case .scalar(let name) = try convert(key, depth: depth + 1) else {
                    throw ParseFailure(
                        line: key.mark?.line ?? line,
                        message: "a key must be a single value, and a value that begins with { has to be in quotes")
                }
                members.append(Member(name: name.text, line: name.line, value: try convert(value, depth: depth + 1)))
            }
            return .mapping(members, line: line)
        case .alias(let alias):
            throw aliasFailure(line: alias.mark?.line)
        }
    }

    /// A mapping's keys already carry the tag that follows from their kind; a quoted text is one. Writing just that is harmless.
    private static let harmlessTags = Set([Tag.Name.str, .seq, .map].map(\.rawValue))

    private static func check(hasAnchor: Bool, tag: Tag, line: Int) throws(ParseFailure) {
        guard !hasAnchor else {
            throw aliasFailure(line: line)
        }
        let name = tag.description
        guard name.isEmpty || harmlessTags.contains(name) else {
            throw ParseFailure(
                line: line,
                message: "YAML tags are not supported; remove the one here, or put a value that begins with ! in quotes")
        }
    }

    private static func check(depth: Int, line: Int) throws(ParseFailure) {
        guard depth < maximumDepth else {
            throw ParseFailure(line: line, message: "nested more than \(maximumDepth) deep")
        }
    }

    private static func aliasFailure(line: Int?) -> ParseFailure {
        ParseFailure(
            line: line,
            message: "YAML anchors and aliases are not supported; write each value out, and one that begins with & or * in quotes"
        )
    }
}

extension YAMLNode.ParseFailure {
    /// The parser's own account of the error, without the excerpt of the file that it would add.
    fileprivate init(_ error: YamlError, in text: String) {
        let traps = YAMLTraps(text)
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            if let advice = traps.advice(begin: context, end: mark) {
                self.init(line: advice.line, message: "not valid YAML: \(advice.message)")
                return
            }
            let text = [context?.text, problem].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: ", ")
            self.init(line: mark.line, message: "not valid YAML: \(text)")
        case .reader(let problem, _, _, _):
            self.init(line: traps.lineOfControlCharacter, message: "not valid YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.map { "'\($0)'" }.joined(separator: ", ")
            self.init(line: context.mark.line, message: "given more than once in the same mapping: \(names)")
        default:
            self.init(line: nil, message: "not valid YAML")
        }
    }
}
