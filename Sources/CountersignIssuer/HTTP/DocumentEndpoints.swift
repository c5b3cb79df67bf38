internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// The documents that everybody may read: the key set and the metadata.
struct DocumentEndpoints: Sendable {
    private let state: IssuerState

    init(_ state: IssuerState) {
        self.state = state
    }

    /// `/.well-known/jwks.json`: the published keys, with an entity tag, so that fetching them again costs next to nothing.
    func keySet(_ request: Request) -> Response {
        let keys = state.keys.snapshot
        let headers: HTTPFields = [
            .cacheControl: state.snapshot.keySetCacheControl, .eTag: keys.etag, .contentType: "application/jwk-set+json",
        ]
        if let known = request.headers[.ifNoneMatch], Self.matches(known, keys.etag) {
            var response = Response(status: .notModified, headers: headers)
            // The length of what is not sent would have to be the document's, not 0 (RFC 9110, section 8.6).
            response.headers[.contentLength] = nil
            response.headers[.contentType] = nil
            return response
        }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: keys.jwks)))
    }

    /// `/.well-known/oauth-authorization-server`
    func metadata() -> Response {
        let headers: HTTPFields = [.cacheControl: "max-age=300", .contentType: "application/json"]
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: state.snapshot.metadata))
    }

    /// Weak comparison with each tag of the list (RFC 9110, section 13.1.2).
    private static func matches(_ list: String, _ tag: String) -> Bool {
        list.split(separator: ",").contains { candidate in
            let candidate = candidate.drop(while: { $0 == " " || $0 == "\t" }).reversed().drop(while: { $0 == " " || $0 == "\t" })
            let text = String(candidate.reversed())
            return text == "*" || text == tag || text == "W/" + tag
        }
    }
}
