internal import CountersignCrypto
internal import CountersignHummingbird
internal import Hummingbird
internal import NIOCore
internal import NIOHTTP1

/// The addresses of the issuer on its mutual TLS listener.
///
/// A table of exact paths instead of a router: there are few, and each knows its methods, so that a wrong one is answered with
/// 405 and `Allow`. With an issuer address that has a path, that path stands in front of all of them, and the metadata's own
/// comes after its well-known name (RFC 8414, section 3).
struct IssuerResponder: HTTPResponder {
    typealias Context = IssuerRequestContext

    private enum Route {
        case token
        case document(DocumentEndpoints.Document)
        case admin(String)
    }

    private let tokens: TokenEndpoint
    private let documents: DocumentEndpoints
    private let admin: AdminEndpoint
    private let routes: [String: Route]

    init(_ state: IssuerState) {
        tokens = TokenEndpoint(state)
        documents = DocumentEndpoints(state)
        admin = AdminEndpoint(state)
        let issuer = state.snapshot.configuration.issuer
        let known: KeyValuePairs<String, Route> = [
            PublishedAddresses.tokenPath: .token,
            issuer.path + PublishedAddresses.tokenPath: .token,
            PublishedAddresses.keySetPath: .document(.keySet),
            issuer.path + PublishedAddresses.keySetPath: .document(.keySet),
            PublishedAddresses.metadataPath + issuer.path: .document(.metadata),
            PublishedAddresses.statusPath: .document(.status),
            issuer.path + PublishedAddresses.statusPath: .document(.status),
        ]
        let admins = AdminCommand.paths.flatMap { [($0, Route.admin($0)), (issuer.path + $0, .admin($0))] }
        routes = Dictionary(known.map { ($0.key, $0.value) } + admins) { first, _ in first }
    }

    func respond(to request: Request, context: IssuerRequestContext) async throws -> Response {
        let response = try await answer(to: request, context: context)
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(to request: Request, context: IssuerRequestContext) async throws -> Response {
        switch (routes[request.uri.path], request.method) {
        case (.token, .post):
            return try await tokens.respond(to: request, context: context)
        case (.token, _):
            return Problem.methodNotAllowed("POST").response
        case (.document(let document), .get), (.document(let document), .head):
            return await documents.respond(to: request, with: document, context: context)
        case (.document, _):
            return Problem.methodNotAllowed("GET, HEAD").response
        case (.admin(let path), _):
            return try await admin.respond(to: request, path: path, context: context)
        case (nil, _):
            return Problem.notFound.response
        }
    }
}

/// Tokens are made where their requests are read: there is nothing to wait for but the signature.
extension IssuerResponder: ImmediateResponder {
    var maximumBodyBytes: Int { FormBody.maximumBytes }

    func answers(_ request: HTTPRequestHead) -> Bool {
        guard request.method == .POST, case .token = routes[request.uri] else { return false }
        return true
    }

    func answer(to request: HTTPRequestHead, body: ByteBuffer?, from peer: Peer?) -> WholeResponse {
        tokens.answer(to: TokenRequestHeader(request.headers), body: body, from: peer, requestID: RequestID().description)
    }
}
