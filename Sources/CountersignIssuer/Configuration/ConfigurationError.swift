/// One thing that is wrong with a configuration file, and where.
public struct ConfigurationProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file as it was named to us.
    public let file: String
    /// The line, starting from 1; `nil` when the problem belongs to the file as a whole.
    public let line: Int?
    /// What is wrong and what would be right. Never holds the contents of a key or an environment variable.
    public let message: String

    public init(file: String, line: Int?, message: String) {
        self.file = file
        self.line = line
        self.message = message
    }

    /// `countersign.yaml:12: unknown key 'lisen' (did you mean 'listen'?)`
    public var description: String {
        if let line {
            "\(file):\(line): \(message)"
        } else {
            "\(file): \(message)"
        }
    }
}

/// Everything that is wrong with a configuration file, in the order of its lines. Never empty.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    public let problems: [ConfigurationProblem]

    /// - Parameter problems: Sorted here by line; problems without a line come first.
    public init(_ problems: [ConfigurationProblem]) {
        self.problems = problems.enumerated().sorted { left, right in
            (left.element.line ?? 0, left.offset) < (right.element.line ?? 0, right.offset)
        }.map(\.element)
    }

    /// One line per problem.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
