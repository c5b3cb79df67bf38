import AsyncHTTPClient
import CountersignClient
import HTTPTypes
import NIOCore
import NIOHTTP1

// More Swift of docs/guide/caller.md. Change both together.

extension SearchClient {
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
