/// Gathers what is wrong with a file while it is read to the end.
package final class ProblemList {
    package let file: String
    package private(set) var problems: [ConfigurationProblem] = []

    package init(file: String) {
        self.file = file
    }

    package func report(line: Int?, _ message: String) {
        problems.append(ConfigurationProblem(file: file, line: line, message: message))
    }
}

/// A value together with the line it stands on.
package struct Located<Value> {
    package let value: Value
    package let line: Int
}

extension Located: Sendable where Value: Sendable {}

/// Reads one mapping of the configuration: every key known, every value of the right type, each fault reported with its line.
///
/// Every reading function answers `nil` after it reported a fault, so that the reader of the mapping can go on with the rest.
package struct MappingReader {
    /// The way to this mapping, such as `tls`; empty for the whole file.
    let path: String
    /// Where the mapping is named, or where it begins when it has no name.
    let line: Int
    let problems: ProblemList
    private let members: [YAMLNode.Member]

    /// - Returns: `nil`, reported, when the node is no mapping. Unknown keys are reported here.
    package init?(_ node: YAMLNode, path: String, line: Int? = nil, keys: [String], problems: ProblemList) {
        guard case .mapping(let members, let start) = node else {
            problems.report(line: node.line, "\(path.isEmpty ? "the file" : path) must be a mapping, not \(node.kind)")
            return nil
        }
        for member in members where !keys.contains(member.name) {
            let guess = Suggestion.nearest(to: member.name, among: keys).map { " (did you mean '\($0)'?)" } ?? ""
            let place = path.isEmpty ? "" : " in \(path)"
            problems.report(line: member.line, "unknown key \(LogText.quoted(member.name))\(place)\(guess)")
        }
        self.path = path
        self.line = line ?? start
        self.problems = problems
        self.members = members
    }

    /// The value under a key; `nil`, not reported, when the key is not there.
    package func node(_ key: String) -> YAMLNode? {
        members.first { $0.name == key }?.value
    }

    /// Where a fault of the value under `key` belongs: its line, or the mapping's when the key is not there.
    package func line(of key: String) -> Int {
        members.first { $0.name == key }?.line ?? line
    }

    func name(_ key: String) -> String {
        path.isEmpty ? key : "\(path).\(key)"
    }

    /// Reports that a required key is not there.
    package func reportMissing(_ key: String) {
        problems.report(line: line, "missing key '\(name(key))'")
    }

    /// A text that is not empty.
    package func text(_ key: String) -> Located<String>? {
        node(key).flatMap { Self.text($0, name: name(key), problems: problems) }
    }

    package func requiredText(_ key: String) -> Located<String>? {
        guard node(key) != nil else {
            reportMissing(key)
            return nil
        }
        return text(key)
    }

    /// A text turned into a value; `expected` says what it should have been.
    package func value<Value>(_ key: String, expected: String, _ read: (String) -> Value?) -> Located<Value>? {
        guard let text = text(key) else {
            return nil
        }
        guard let value = read(text.value) else {
            problems.report(line: text.line, "\(name(key)) must be \(expected), not \(LogText.quoted(text.value))")
            return nil
        }
        return Located(value: value, line: text.line)
    }

    package func mapping(_ key: String, keys: [String]) -> MappingReader? {
        members.first { $0.name == key }.flatMap { member in
            MappingReader(member.value, path: name(key), line: member.line, keys: keys, problems: problems)
        }
    }

    /// The names and values of a mapping whose keys are free, such as the audiences of a service.
    func members(_ key: String) -> [YAMLNode.Member]? {
        guard let node = node(key) else {
            return nil
        }
        guard case .mapping(let members, _) = node else {
            problems.report(line: node.line, "\(name(key)) must be a mapping ({} for none), not \(node.kind)")
            return nil
        }
        return members
    }

    package func list(_ key: String) -> [YAMLNode]? {
        guard let node = node(key) else {
            return nil
        }
        guard case .sequence(let elements, _) = node else {
            problems.report(line: node.line, "\(name(key)) must be a list ([] for none), not \(node.kind)")
            return nil
        }
        return elements
    }

    /// A list of texts; faulty elements are reported and left out.
    package func texts(_ key: String) -> [Located<String>]? {
        list(key)?.compactMap { Self.text($0, name: "each of \(name(key))", problems: problems) }
    }

    private static func text(_ node: YAMLNode, name: String, problems: ProblemList) -> Located<String>? {
        guard case .scalar(let scalar) = node, !scalar.isMissing else {
            problems.report(line: node.line, "\(name) must be a single value, not \(node.kind)")
            return nil
        }
        guard !scalar.text.isEmpty else {
            problems.report(line: node.line, "\(name) must not be empty")
            return nil
        }
        return Located(value: scalar.text, line: scalar.line)
    }
}
