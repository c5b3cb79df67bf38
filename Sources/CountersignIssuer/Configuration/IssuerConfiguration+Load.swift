internal import CountersignCrypto
internal import Foundation

extension IssuerConfiguration {
    /// The largest file that is read: 64 MiB, some 300,000 services, or a million in one line each.
    static let maximumBytes = 64 << 20

    /// Reads and checks a file. Blocks on the file system; takes some 60 microseconds per service.
    ///
    /// - Throws: ``ConfigurationError`` with everything that is wrong, not only the first fault; with one when the text is no YAML of
    ///   the kind that is read, such as one with a key given twice.
    public static func load(contentsOf file: String) throws(ConfigurationError) -> IssuerConfiguration {
        try parse(try read(file), file: file)
    }

    /// The bytes of a configuration file; `-` is standard input, whose relative paths start at the working directory.
    ///
    /// - Throws: ``ConfigurationError`` when the file is missing, unreadable or too large.
    public static func read(_ file: String) throws(ConfigurationError) -> [UInt8] {
        let bytes: Data?
        do {
            let handle = file == "-" ? .standardInput : try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
            defer { try? handle.close() }
            bytes = try handle.read(upToCount: maximumBytes + 1)
        } catch {
            throw ConfigurationError(file: file, "cannot be read: \(reason(error))")
        }
        guard let bytes, !bytes.isEmpty else {
            throw ConfigurationError(file: file, "the file is empty")
        }
        guard bytes.count <= maximumBytes else {
            throw ConfigurationError(file: file, "is larger than \(maximumBytes >> 20) MiB")
        }
        return Array(bytes)
    }

    /// Checks the bytes of a file named `file`, against whose directory relative paths are resolved.
    ///
    /// - Throws: ``ConfigurationError`` with everything that is wrong, not only the first fault; with one when the text is no YAML of
    ///   the kind that is read, such as one with a key given twice.
    public static func parse(_ bytes: [UInt8], file: String) throws(ConfigurationError) -> IssuerConfiguration {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError(file: file, "is not UTF-8 text")
        }
        let root: YAMLNode
        do {
            root = try YAMLNode.parse(text)
        } catch {
            throw ConfigurationError([ConfigurationProblem(file: file, line: error.line, message: error.message)])
        }
        let problems = ProblemList(file: file)
        let configuration = ConfigurationReader(
            problems: problems, directory: directory(of: file), digest: SHA256.digest(of: bytes)
        ).read(root)
        guard let configuration, problems.problems.isEmpty else {
            throw ConfigurationError(problems.problems)
        }
        return configuration
    }

    /// The part before the last slash; empty for a plain name.
    private static func directory(of file: String) -> String {
        guard let slash = file.lastIndex(of: "/") else {
            return ""
        }
        return slash == file.startIndex ? "/" : String(file[..<slash])
    }

    private static func reason(_ error: any Error) -> String {
        switch (error as? CocoaError)?.code {
        case .fileReadNoSuchFile, .fileNoSuchFile: "there is no such file"
        case .fileReadNoPermission: "this user may not read it"
        default: "it is not a readable file"
        }
    }
}

extension ConfigurationError {
    /// One fault of the file as a whole.
    init(file: String, _ message: String) {
        self.init([ConfigurationProblem(file: file, line: nil, message: message)])
    }
}
