import AsyncHTTPClient
import CountersignClient
import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle

// The Swift of docs/guide/caller.md, compiled and run by the tests. Change both together.

/* In a Package.swift:
.package(name: "countersign", path: "../countersign"),
.product(name: "CountersignClient", package: "countersign"),
*/

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
        let group = ServiceGroup(services: [issuer, tokens, app], logger: logger)
        try await group.run()
    }

    func call(_ url: String) async throws -> HTTPClientResponse {
        let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(5))

        return response
    }

    /// As a route of Hummingbird does.
    func search(_ authority: String) async throws -> (HTTPResponse, ByteBuffer) {
        let search = HTTPRequest(method: .get, scheme: "https", authority: authority, path: "/search")
        let (answer, body) = try await client.send(search, timeout: .seconds(5))

        return (answer, body)
    }

    func callWithoutHelp(_ url: String) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url)
        request.tlsConfiguration = tls.current.configuration
        request.headers.add(name: "Authorization", value: try await tokens.token(for: "search-svc").authorizationHeader)
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(5))

        return response
    }
}
