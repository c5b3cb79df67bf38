internal import HTTPTypes
internal import Hummingbird

/// Conditional requests (RFC 9110, section 13).
enum EntityTag {
    /// Whether the client has what carries this tag: weak comparison with each tag of its list.
    static func isKnown(_ tag: String, to request: Request) -> Bool {
        guard let list = request.headers[.ifNoneMatch] else {
            return false
        }
        return list.split(separator: ",").contains { candidate in
            let candidate = candidate.drop(while: { $0 == " " || $0 == "\t" }).reversed().drop(while: { $0 == " " || $0 == "\t" })
            let text = String(candidate.reversed())
            return text == "*" || text == tag || text == "W/" + tag
        }
    }

    /// 304 with the fields that the whole answer would have had.
    static func notModified(_ headers: HTTPFields) -> Response {
        var response = Response(status: .notModified, headers: headers)
        // The length of what is not sent would have to be the document's, not 0 (RFC 9110, section 8.6).
        response.headers[.contentLength] = nil
        response.headers[.contentType] = nil
        return response
    }
}
