import ArgumentParser
import CountersignClient
import CountersignCrypto
import CountersignJSON
import CountersignTLS

/// `countersign token fetch`: one token, as a service would get it.
struct TokenFetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Fetches one token from an issuer over mutual TLS.",
        discussion: """
            EXAMPLE
              countersign token fetch --issuer https://localhost:8443 \\
                --cert certs/user-svc/cert.pem --key certs/user-svc/key.pem \\
                --ca certs/ca.pem --audience search-svc
              curl -H "$(countersign token fetch ... \\
                --output header)" https://search-svc:8444/search
              countersign token fetch ... --watch --out token
            """
    )

    enum Output: String, ExpressibleByArgument, CaseIterable {
        case token, json, header
    }

    @OptionGroup var caller: CallerOptions

    @Option(help: ArgumentHelp("A scope to ask for; may be repeated. None: all that are allowed.", valueName: "scope"))
    var scope: [String] = []

    @Option(help: ArgumentHelp("What to print: the bare token, JSON, or an Authorization field.", valueName: "form"))
    var output: Output = .token

    @Option(help: ArgumentHelp("Write to this file, replaced as a whole and mode 600, instead.", valueName: "file"))
    var out: String?

    @Flag(help: "Go on: replace the file ahead of the token's end, until SIGTERM or SIGINT. Needs --out.")
    var watch = false

    @Option(
        help: ArgumentHelp(
            "With --watch: run this program after each replacement. Split at spaces; no shell.", valueName: "command"))
    var onChange: String?

    @Flag(help: "Show each step in words on standard error: files, handshake, request, answer.")
    var debug = false

    func run() async throws {
        if watch { return try await keep() }
        guard onChange == nil else { throw CommandFailure.usage("--on-change goes with --watch") }
        do {
            let response = try await fetch()
            if let out {
                try TokenFile(.init(path: out, form: form)).write(response.token)
            } else {
                StandardOutput.write(exact: try text(of: response))
            }
        } catch let error as TLSError {
            throw CommandFailure.configuration(error.message, hint: error.hint)
        } catch let error as TokenError {
            throw CommandFailure(error)
        }
    }

    private var scopes: [String] { scope.flatMap { $0.split(separator: " ").map(String.init) } }

    private func fetch() async throws -> TokenResponse {
        if debug {
            return try await FetchDiagnosis(
                issuer: caller.issuer, files: caller.files, audience: caller.audience, scope: scopes
            ).run()
        }
        let material = try TLSMaterial(caller.files, role: .client, at: .now())
        return try await fetchToken(from: caller.issuer, tls: material, audience: caller.audience, scope: scopes)
    }

    /// An agent with one token.
    private func keep() async throws {
        guard let out else { throw CommandFailure.usage("--watch needs a file to keep the token in", hint: "add --out FILE") }
        guard !debug else {
            throw CommandFailure.usage("--debug shows one fetch and --watch does not end", hint: "leave one of them out")
        }
        let command = onChange?.split(separator: " ").map(String.init) ?? []
        guard onChange == nil || !command.isEmpty else { throw CommandFailure.usage("--on-change names no program") }
        let token = AgentConfiguration.Token(
            audience: caller.audience, scopes: scopes,
            file: .init(path: out, form: form), onChange: command
        )
        try await AgentRun.run(
            AgentConfiguration(issuers: [caller.issuer], files: caller.files, tokens: [token]), file: nil, level: .info
        )
    }

    private var form: AgentConfiguration.Form {
        switch output {
        case .token: .token
        case .header: .header
        case .json: .json
        }
    }

    private func text(of response: TokenResponse) throws -> String {
        switch output {
        case .token:
            return response.token.value
        case .header:
            return "Authorization: \(response.token.authorizationHeader)"
        case .json:
            var object: JSONObject = [
                "access_token": .string(response.token.value), "token_type": "Bearer", "expires_in": .integer(response.expiresIn),
            ]
            if let refresh = response.refreshIn { object.append("refresh_in", .integer(refresh)) }
            if !response.scope.isEmpty { object.append("scope", .string(response.scope.joined(separator: " "))) }
            return String(decoding: try JSONWriter.bytes(.object(object), pretty: true), as: UTF8.self)
        }
    }
}
