import AsyncHTTPClient
import CountersignClient
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle

// The Swift of docs/guide/caller.md, compiled and run by the tests. Change both together.

struct CallerSettings {
    let issuers: [String]
    let files: TLSFiles

    static func documented() -> CallerSettings {
        let issuers = ["https://localhost:8443"]
        let files = TLSFiles(
            certificate: .file("certs/user-svc/cert.pem"), privateKey: .file("certs/user-svc/key.pem"), ca: .file("certs/ca.pem")
        )

        return CallerSettings(issuers: issuers, files: files)
    }
}

struct SearchClient {
    let tls: ReloadableTLS
    let issuer: IssuerClient
    let tokens: TokenSource

    init(_ settings: CallerSettings) throws {
        let (issuers, files) = (settings.issuers, settings.files)

        let tls = try ReloadableTLS(files, role: .client, at: .now())
        let issuer = try IssuerClient(issuers, tls: tls)
        let tokens = TokenSource(issuer)

        (self.tls, self.issuer, self.tokens) = (tls, issuer, tokens)
    }

    /// Keeps tokens fresh until it is cancelled.
    func run(beside app: any Service, logger: Logger) async throws {
        let group = ServiceGroup(services: [issuer, tokens, app], logger: logger)
        try await group.run()
    }

    func call(_ url: String) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url)
        request.tlsConfiguration = tls.current.configuration
        request.headers.add(name: "Authorization", value: try await tokens.token(for: "search-svc").authorizationHeader)
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(5))

        return response
    }
}
