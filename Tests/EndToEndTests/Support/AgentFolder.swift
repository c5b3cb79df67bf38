import CountersignJSON
import CountersignTesting
import Foundation

/// An issuer's folder with an agent in it.
struct AgentFolder {
    let folder: IssuerFolder

    init() throws {
        folder = try IssuerFolder()
    }

    var files: TestDirectory { folder.files }

    func issuer(lifetime: String = "5m") async throws -> RunningIssuer {
        let name = "short"
        let configuration = try folder.configuration(
            name, replacing: ("search:write], lifetime: 5m", "search:write], lifetime: \(lifetime)"))
        return try await RunningIssuer.start(folder, configuration: configuration)
    }

    func configuration(_ issuer: RunningIssuer, tokens: String) -> String {
        """
        issuers: [https://127.0.0.1:\(issuer.port)]
        tls: { certificate: certs/user-svc/cert.pem, privateKey: certs/user-svc/key.pem, ca: certs/ca.pem }
        socket: { path: agent.sock }
        operations: 127.0.0.1:0
        tokens:
        \(tokens)

        """
    }

    func start(_ issuer: RunningIssuer, tokens: String) async throws -> RunningProgram {
        try folder.replace("agent.yaml", with: configuration(issuer, tokens: tokens))
        let agent = try RunningProgram(["agent", "--config", "agent.yaml"], in: files)
        try await agent.logs("listening socket=")
        return agent
    }

    /// What the agent answers on its socket.
    func ask(_ path: String, _ more: [String] = []) throws -> (status: Int, json: JSONObject) {
        let result = try Shell.run(
            "curl",
            ["--silent", "--noproxy", "*", "--max-time", "30", "--unix-socket", files.path("agent.sock")]
                + ["--write-out", "\n%{http_code}"] + more
                + ["http://agent\(path)"]
        )
        let lines = result.standardOutput.split(separator: "\n", omittingEmptySubsequences: false)
        let body = lines.dropLast().joined(separator: "\n")
        return (Int(lines.last ?? "") ?? 0, (try? JSONReader.parseObject(Array(body.utf8))) ?? JSONObject())
    }

    func text(_ file: String) throws -> String {
        String(decoding: try files.read(file), as: UTF8.self)
    }
}
