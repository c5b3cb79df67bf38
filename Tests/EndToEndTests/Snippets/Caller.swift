import AsyncHTTPClient
import CountersignClient
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

// The Swift of docs/guide/caller.md, compiled and run by the tests. Change both together.

struct CallerSettings {
    let issuers: [String]
    let files: TLSFiles
    let audiences: AudienceMap

    static func documented() throws -> CallerSettings {
        let issuers = ["https://localhost:8443"]
        let files = TLSFiles(
            certificate: .file("certs/user-svc/cert.pem"), privateKey: .file("certs/user-svc/key.pem"), ca: .file("certs/ca.pem")
        )

        let audiences = try AudienceMap(["https://localhost:9443": "search-svc"])

        return CallerSettings(issuers: issuers, files: files, audiences: audiences)
    }
}

struct SearchCaller: Service {
    let client: ServiceClient
    let url: String
    let logger: Logger

    func run() async throws {
        let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(5))
        let text = String(buffer: try await response.body.collect(upTo: 1024))
        logger.notice("answered", metadata: ["status": "\(response.status)", "text": "\(text)"])
        try await gracefulShutdown()
    }
}

func documentedCaller(_ client: ServiceClient) -> (SearchCaller, Logger) {
    let logger = Logger(label: "user-svc")
    let app = SearchCaller(client: client, url: "https://localhost:9443/search", logger: logger)

    return (app, logger)
}

struct SearchClient {
    let tls: ReloadableTLS
    let issuer: IssuerClient
    let tokens: TokenSource
    let client: ServiceClient

    init(_ settings: CallerSettings) throws {
        let (issuers, files, audiences) = (settings.issuers, settings.files, settings.audiences)

        let tls = try ReloadableTLS(files, role: .client, at: .now())
        let issuer = try IssuerClient(issuers, tls: tls)
        let tokens = TokenSource(issuer)

        let client = ServiceClient(tokens, tls: tls, audiences: audiences)

        (self.tls, self.issuer, self.tokens, self.client) = (tls, issuer, tokens, client)
    }

    /// Keeps tokens fresh until it is cancelled.
    func run(beside app: any Service, logger: Logger) async throws {
        let group = ServiceGroup(services: [issuer, tokens, app], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await group.run()
    }

    func call(_ url: String) async throws -> HTTPClientResponse {
        let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(5))

        return response
    }
}
