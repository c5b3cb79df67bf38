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
            """
    )

    enum Output: String, ExpressibleByArgument, CaseIterable {
        case token, json, header
    }

    @Option(help: ArgumentHelp("The issuer's address.", valueName: "url"))
    var issuer: String

    @Option(help: ArgumentHelp("The own certificate (PEM, with its chain), or env:NAME.", valueName: "file"))
    var cert: String

    @Option(help: ArgumentHelp("Its private key (PEM, mode 600), or env:NAME.", valueName: "file"))
    var key: String

    @Option(help: ArgumentHelp("The authorities that vouch for the issuer (PEM), or env:NAME.", valueName: "file"))
    var ca: String

    @Option(help: "The service the token is for.")
    var audience: String

    @Option(help: ArgumentHelp("A scope to ask for; may be repeated. None: all that are allowed.", valueName: "scope"))
    var scope: [String] = []

    @Option(help: ArgumentHelp("What to print: the bare token, JSON, or an Authorization field.", valueName: "form"))
    var output: Output = .token

    func run() async throws {
        do {
            let files = TLSFiles(certificate: PEMSource(cert), privateKey: PEMSource(key), ca: PEMSource(ca))
            let response = try await fetchToken(
                from: issuer,
                tls: try TLSMaterial(files, role: .client, at: .now()),
                audience: audience,
                scope: scope.flatMap { $0.split(separator: " ").map(String.init) }
            )
            StandardOutput.write(try text(of: response))
        } catch let error as TLSError {
            throw CommandFailure.configuration(error.message, hint: error.hint)
        } catch let error as TokenError {
            throw failure(for: error)
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

    /// "The issuer said no" is an answer; "the issuer could not be asked" is not.
    private func failure(for error: TokenError) -> CommandFailure {
        let message = error.oauthCode.map { "\($0): \(error.message)" } ?? error.message
        switch error.code {
        case .refused, .certificateRefused: return .no(message, hint: error.hint)
        case .invalidRequest: return .usage(message, hint: error.hint)
        default: return .software(message, hint: error.hint)
        }
    }
}
