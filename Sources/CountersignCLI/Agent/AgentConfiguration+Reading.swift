import CountersignIssuer
import CountersignTLS

extension AgentConfiguration {
    /// Reads an agent's configuration file: the same small YAML as the issuer's, every fault with its line.
    ///
    /// - Throws: `ConfigurationError` with everything that is wrong.
    static func load(contentsOf file: String) throws(ConfigurationError) -> AgentConfiguration {
        let problems = ProblemList(file: file)
        guard let text = String(validating: try IssuerConfiguration.read(file), as: UTF8.self) else {
            throw ConfigurationError([ConfigurationProblem(file: file, line: nil, message: "is not UTF-8 text")])
        }
        let root: YAMLNode
        do {
            root = try YAMLNode.parse(text)
        } catch {
            throw ConfigurationError([ConfigurationProblem(file: file, line: error.line, message: error.message)])
        }
        let directory = file.lastIndex(of: "/").map { $0 == file.startIndex ? "/" : String(file[..<$0]) } ?? ""
        guard let configuration = Reader(problems: problems, directory: directory).read(root), problems.problems.isEmpty else {
            throw ConfigurationError(problems.problems)
        }
        return configuration
    }

    /// Where relative paths start is the file's own directory.
    private struct Reader {
        let problems: ProblemList
        let directory: String

        func read(_ root: YAMLNode) -> AgentConfiguration? {
            let known = ["issuers", "pins", "clientID", "tls", "socket", "operations", "tokens"]
            guard let file = MappingReader(root, path: "", keys: known, problems: problems) else { return nil }
            let issuers = file.texts("issuers")?.map(\.value) ?? []
            if issuers.isEmpty { problems.report(line: file.line(of: "issuers"), "issuers must name at least one address") }
            let operations = file.value("operations", expected: ListenAddress.form, ListenAddress.init)
            let tokens = tokens(file)
            guard let files = files(file) else { return nil }
            return AgentConfiguration(
                issuers: issuers, files: files, pins: file.texts("pins")?.map(\.value) ?? [],
                clientID: file.text("clientID")?.value, socket: socket(file), operations: operations?.value, tokens: tokens
            )
        }

        private func files(_ file: MappingReader) -> TLSFiles? {
            guard file.node("tls") != nil else {
                file.reportMissing("tls")
                return nil
            }
            guard let tls = file.mapping("tls", keys: ["certificate", "privateKey", "passphrase", "ca"]) else { return nil }
            let sources = ["certificate", "privateKey", "ca"].map { key in
                tls.requiredText(key).map { PEMSource($0.value).relative(to: directory) }
            }
            guard let certificate = sources[0], let privateKey = sources[1], let ca = sources[2] else { return nil }
            return TLSFiles(
                certificate: certificate, privateKey: privateKey,
                privateKeyPassphrase: tls.text("passphrase").map { PEMSource($0.value).relative(to: directory) }, ca: ca
            )
        }

        private func socket(_ file: MappingReader) -> Socket? {
            guard let socket = file.mapping("socket", keys: ["path", "users"]), let path = socket.requiredText("path") else {
                return nil
            }
            return Socket(path: absolute(path.value), users: socket.texts("users")?.map(\.value) ?? [])
        }

        private func tokens(_ file: MappingReader) -> [Token] {
            guard let nodes = file.list("tokens"), !nodes.isEmpty else {
                problems.report(line: file.line(of: "tokens"), "tokens must list at least one token")
                return []
            }
            var tokens: [Token] = []
            for node in nodes {
                let keys = ["audience", "scopes", "file", "form", "owner", "group", "onChange"]
                guard let entry = MappingReader(node, path: "tokens", keys: keys, problems: problems),
                    let audience = entry.requiredText("audience")
                else { continue }
                let token = Token(
                    audience: audience.value, scopes: entry.texts("scopes")?.map(\.value) ?? [], file: self.file(entry),
                    onChange: entry.texts("onChange")?.map(\.value) ?? []
                )
                if tokens.contains(where: { $0.audience == token.audience && Set($0.scopes) == Set(token.scopes) }) {
                    problems.report(line: audience.line, "the same audience and scopes are listed twice")
                }
                if let path = token.file?.path, tokens.contains(where: { $0.file?.path == path }) {
                    problems.report(line: entry.line(of: "file"), "two tokens are to be written to \(path)")
                }
                tokens.append(token)
            }
            return tokens
        }

        private func file(_ entry: MappingReader) -> File? {
            let forms = Form.allCases.map(\.rawValue).joined(separator: ", ")
            let form = entry.value("form", expected: "one of \(forms)", Form.init(rawValue:))
            let (owner, group) = (entry.text("owner")?.value, entry.text("group")?.value)
            guard let path = entry.text("file") else {
                for key in ["form", "owner", "group"] where entry.node(key) != nil {
                    problems.report(line: entry.line(of: key), "\(key) has no meaning without file")
                }
                return nil
            }
            return File(path: absolute(path.value), form: form?.value ?? .token, owner: owner, group: group)
        }

        private func absolute(_ path: String) -> String {
            PEMSource.file(path).relative(to: directory).description
        }
    }
}
