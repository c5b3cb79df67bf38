public import AsyncHTTPClient
internal import CountersignCrypto
public import CountersignTLS
public import NIOCore
internal import NIOHTTP1

/// Calls other services with the right token and the certificate that it is bound to.
///
/// ```swift
/// let client = ServiceClient(tokens, tls: tls, audiences: try AudienceMap(["https://search.link.internal": "search-svc"]))
/// let response = try await client.execute(HTTPClientRequest(url: "https://search.link.internal/search"), timeout: .seconds(5))
/// ```
///
/// A value to be copied freely: into a route of Hummingbird, a request context or an actor. Connections are those of `http`, kept
/// apart by certificate, so a renewed certificate is used from the next request on while requests in progress end on the old one.
public struct ServiceClient: Sendable {
    public let tokens: TokenSource
    private let tls: ReloadableTLS
    private let audiences: AudienceMap
    private let http: HTTPClient

    /// - Parameters:
    ///   - tls: the same that `tokens` asks the issuer with.
    ///   - http: one for the whole process that follows no redirects, when `nil`. One that follows them, such as
    ///     `HTTPClient.shared`, leaves the token behind when the origin changes, and sends the body of a request that is
    ///     answered with 307 or 308 to wherever the answer says, with our certificate.
    public init(_ tokens: TokenSource, tls: ReloadableTLS, audiences: AudienceMap, http: HTTPClient? = nil) {
        self.tokens = tokens
        self.tls = tls
        self.audiences = audiences
        self.http = http ?? Self.withoutRedirects
    }

    /// For the life of the process, as `HTTPClient.shared`. Who a request goes to is the caller's decision, not the receiver's.
    private static let withoutRedirects: HTTPClient = {
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.redirectConfiguration = .disallow
        return HTTPClient(configuration: configuration)
    }()

    /// Sends a request with `Authorization: Bearer` and our certificate.
    ///
    /// A receiver may refuse a token that was good when it was sent: its keys or its clock are others, or it has learned of a
    /// revocation. When it answers 401 with `invalid_token` the request is sent once more with a new token, if there is one to
    /// be had and the request can be sent twice. Whatever comes then is the answer. An issuer that hangs delays the 401, by
    /// ``TokenSource/Configuration/fetchTimeout`` at most and once in ten seconds at most.
    ///
    /// - Parameters:
    ///   - request: `Authorization` and TLS configuration in it are replaced.
    ///   - scope: what the token shall allow; the issuer's usual when empty.
    ///   - bodyIsReplayable: whether the body can be sent twice, as one made of a `ByteBuffer` can. A request without a body can.
    ///   - timeout: for each of the two tries, from the connection to the head of the answer.
    /// - Throws: ``TokenError`` when there is no token; what AsyncHTTPClient throws when there is no answer.
    public func execute(
        _ request: HTTPClientRequest, scope: [String] = [], bodyIsReplayable: Bool = false, timeout: TimeAmount
    ) async throws -> HTTPClientResponse {
        let audience = try audiences.audience(for: request.url)
        let (first, material) = try await token(for: audience, scope)
        let answer = try await http.execute(Self.message(request, first, material), timeout: timeout)
        guard Self.isTokenRefused(answer), request.body == nil || bodyIsReplayable,
            let second = await tokens.token(for: audience, scope: scope, insteadOf: first)
        else { return answer }
        // Not read, for nobody knows when it would end: its connection is closed unless it is complete already.
        _ = consume answer
        return try await http.execute(Self.message(request, second, tls.current), timeout: timeout)
    }

    /// A token and the material with the certificate that it is bound to.
    private func token(for audience: String, _ scope: [String]) async throws(TokenError) -> (AccessToken, TLSMaterial) {
        let token = try await tokens.token(for: audience, scope: scope)
        let material = tls.current
        if token.certificateSHA256 == material.certificate.sha256 { return (token, material) }
        // The certificate was replaced between the two lines above. Once more; then it is the receiver's to judge.
        return (try await tokens.token(for: audience, scope: scope), tls.current)
    }

    private static func message(
        _ request: HTTPClientRequest, _ token: AccessToken, _ material: TLSMaterial
    ) -> HTTPClientRequest {
        var message = request
        message.tlsConfiguration = material.configuration
        message.headers.replaceOrAdd(name: "Authorization", value: token.authorizationHeader)
        return message
    }

    /// RFC 6750 section 3.1.
    static func isTokenRefused(_ answer: HTTPClientResponse) -> Bool {
        guard answer.status == .unauthorized else { return false }
        return answer.headers["WWW-Authenticate"].contains { challenge in
            let parts = challenge.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, parts.first?.lowercased() == "bearer" else { return false }
            return (parts.last ?? "").split(separator: ",").contains { parameter in
                let text = parameter.filter { $0 != " " && $0 != "\"" }
                return text == "error=invalid_token"
            }
        }
    }
}
