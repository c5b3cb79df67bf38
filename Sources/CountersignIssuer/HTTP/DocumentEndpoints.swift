internal import Countersign
internal import CountersignCrypto
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore

/// The documents that everybody with a good certificate may read: the key set, the status and the metadata.
///
/// Who fetched the first two is remembered: a rotation waits for them.
struct DocumentEndpoints: Sendable {
    enum Document {
        case keySet, status, metadata
    }

    private let state: IssuerState

    init(_ state: IssuerState) {
        self.state = state
    }

    func respond(to request: Request, with document: Document, context: IssuerRequestContext) async -> Response {
        do throws(Problem) {
            let now = state.clock()
            let certificate = try state.acceptedCertificate(of: await context.peer(), at: now)
            return switch document {
            case .keySet: keySet(request, certificate, at: now)
            case .status: try status(request, certificate, at: now)
            case .metadata: metadata
            }
        } catch {
            log(error, request, await context.peer(), requestID: context.requestID)
            return state.response(to: error)
        }
    }

    private func log(_ problem: Problem, _ request: Request, _ peer: Peer?, requestID: String) {
        let reason = problem.code ?? "-"
        let caller = peer?.certificate.serialHex ?? ""
        guard let refused = state.refusedRequests.tell(reason, to: caller, at: state.elapsed()) else { return }
        var metadata: Logger.Metadata = ["request": "\(requestID)", "path": "\(request.uri.path)", "reason": "\(reason)"]
        metadata["refused"] = Logger.Metadata.refused(refused)
        state.logger.info("document not given", metadata: metadata)
    }

    /// `/.well-known/jwks.json`: the published keys, with an entity tag, so that fetching them again costs next to nothing.
    private func keySet(_ request: Request, _ certificate: Certificate, at now: Timestamp) -> Response {
        let keys = state.keys.snapshot
        if let receiver = ReceiverName(certificate, request, state) {
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
    private func status(_ request: Request, _ certificate: Certificate, at now: Timestamp) throws(Problem) -> Response {
        guard let document = state.keys.snapshot.status, now < document.expiresAt else {
            throw Problem(
                status: .serviceUnavailable,
                detail: "There is no status that holds now: no key can sign it, or the key ring cannot be read.",
                code: "status-unavailable", headers: [.retryAfter: "5"]
            )
        }
        if let receiver = ReceiverName(certificate, request, state) {
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
    private var metadata: Response {
        let headers: HTTPFields = [.cacheControl: "max-age=300", .contentType: "application/json"]
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: state.snapshot.metadata))
    }
}
