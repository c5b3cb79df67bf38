internal import Countersign
internal import CountersignCrypto
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// The documents that everybody with a certificate may read: the key set, the status and the metadata.
///
/// Who fetched the first two is remembered: a rotation waits for them.
struct DocumentEndpoints: Sendable {
    private let state: IssuerState

    init(_ state: IssuerState) {
        self.state = state
    }

    /// `/.well-known/jwks.json`: the published keys, with an entity tag, so that fetching them again costs next to nothing.
    func keySet(_ request: Request, context: IssuerRequestContext) async -> Response {
        let keys = state.keys.snapshot
        let now = state.clock()
        if let receiver = ReceiverName(await context.peer(), request, state, at: now) {
            state.keys.receiverFetchedKeys(receiver.name, instance: receiver.instance, from: keys, at: now)
        }
        let headers: HTTPFields = [
            .cacheControl: state.snapshot.keySetCacheControl, .eTag: keys.etag, .contentType: "application/jwk-set+json",
        ]
        guard !EntityTag.isKnown(keys.etag, to: request) else {
            return EntityTag.notModified(headers)
        }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: keys.jwks)))
    }

    /// `/.well-known/countersign-status`: what is revoked and denied, signed. `Age` says how old the document is by our own clock,
    /// so that a receiver need not have the same.
    func status(_ request: Request, context: IssuerRequestContext) async -> Response {
        let now = state.clock()
        guard let document = state.keys.snapshot.status, now < document.expiresAt else {
            return Problem(
                status: .serviceUnavailable,
                detail: "There is no status that holds now: no key can sign it, or the key ring cannot be read.",
                code: "status-unavailable", headers: [.retryAfter: "5"]
            ).response
        }
        if let receiver = ReceiverName(await context.peer(), request, state, at: now) {
            state.keys.receiverFetchedStatus(receiver.name, instance: receiver.instance, number: document.number, at: now)
        }
        let headers: HTTPFields = [
            .cacheControl: "max-age=\(document.poll)", .eTag: document.etag,
            .age: "\(max(0, now.seconds(since: document.issuedAt)))", .contentType: "application/\(RevocationStatus.type)",
        ]
        guard !EntityTag.isKnown(document.etag, to: request) else {
            return EntityTag.notModified(headers)
        }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: document.bytes)))
    }

    /// `/.well-known/oauth-authorization-server`
    func metadata() -> Response {
        let headers: HTTPFields = [.cacheControl: "max-age=300", .contentType: "application/json"]
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: state.snapshot.metadata))
    }
}
