internal import CountersignCrypto
internal import CountersignTLS
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// `/livez` and `/readyz` on the operations listener.
struct OperationsResponder: HTTPResponder {
    typealias Context = IssuerRequestContext

    private let state: IssuerState

    init(_ state: IssuerState) {
        self.state = state
    }

    func respond(to request: Request, context: IssuerRequestContext) async throws -> Response {
        let response = answer(to: request)
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(to request: Request) -> Response {
        guard let path = [Path.live, Path.ready].first(where: { $0.rawValue == request.uri.path }) else {
            return Problem(status: .notFound, detail: "There is /livez and /readyz here.").response
        }
        guard request.method == .get || request.method == .head else {
            return Problem.methodNotAllowed("GET, HEAD").response
        }
        switch path {
        case .live: return Self.response(.ok, #"{"status":"live"}"#)
        case .ready: return ready()
        }
    }

    private enum Path: String {
        case live = "/livez"
        case ready = "/readyz"
    }

    /// 200 only when a token asked for now could be given: a key can sign, our own certificate is valid, and callers'
    /// certificates can be judged. A policy is always loaded once the process listens. `stale` says that what the TLS files or the
    /// key ring hold now cannot be taken over and that older content is in use, which is no reason to stop: until it is too old to
    /// tell receivers that nothing was revoked.
    private func ready() -> Response {
        let now = state.clock()
        let material = state.tls.current
        let isValid = (material.certificate.notBefore...material.certificate.notAfter).contains(now)
        let checks: KeyValuePairs<String, Check> = [
            "keys": keys(at: now),
            "tls": !isValid ? .failing : state.tls.failure != nil ? .stale : .ok,
            "crl": state.tls.trustProblem(at: now) == nil ? .ok : .failing,
            "policy": .ok,
        ]
        let isReady = !checks.contains { $0.value == .failing }
        let list = checks.map { #""\#($0.key)":"\#($0.value.rawValue)""# }.joined(separator: ",")
        return Self.response(
            isReady ? .ok : .serviceUnavailable, #"{"status":"\#(isReady ? "ready" : "not-ready")","checks":{\#(list)}}"#
        )
    }

    private func keys(at now: Timestamp) -> Check {
        let snapshot = state.keys.snapshot
        guard snapshot.signer != nil, snapshot.status.map({ now < $0.expiresAt }) ?? true else { return .failing }
        return state.keys.isStale ? .stale : .ok
    }

    private enum Check: String {
        case ok
        case stale
        case failing
    }

    private static func response(_ status: HTTPResponse.Status, _ body: String) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: body))
        )
    }
}
