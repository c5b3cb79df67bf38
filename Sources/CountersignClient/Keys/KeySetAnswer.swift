internal import Countersign

/// The issuer's answer to a request for its key set.
enum KeySetAnswer {
    /// A good set, with the tag to ask for news of it.
    case keys(JWKSet, tag: String?, maxAge: Duration?)
    /// What we have is still what the issuer publishes.
    case unchanged(maxAge: Duration?)

    static let maxTagBytes = 256

    static func request(to address: IssuerAddress, tag: String?, instance: String) -> IssuerRequest {
        var headers = [
            (name: "Accept", value: "application/jwk-set+json, application/json"),
            (name: IssuerRequest.instanceField, value: instance),
        ]
        if let tag { headers.append((name: "If-None-Match", value: tag)) }
        return IssuerRequest(.get, address.keySetEndpoint, headers: headers, maxAnswerBytes: JWKSet.maxBytes)
    }

    /// - Parameter tag: what the request asked with; without one, there is nothing to be unchanged.
    /// - Throws: ``TokenError`` for anything but a whole and good set.
    init(_ exchange: IssuerClient.Exchange, tag: String?) throws(TokenError) {
        let (answer, url) = (exchange.answer, exchange.url)
        if answer.status == 304, tag != nil {
            self = .unchanged(maxAge: answer.maxAge)
            return
        }
        guard answer.status == 200 else { throw answer.failure(url: url) }
        guard answer.isOfType("application/jwk-set+json", "application/json") else {
            throw TokenError(.answerMalformed, "the answer of \(url) is not a key set by its content type", status: 200)
        }
        do {
            self = .keys(try JWKSet(json: answer.body), tag: answer.tag, maxAge: answer.maxAge)
        } catch {
            throw TokenError(.answerMalformed, "the key set of \(url) is not usable: \(error.message)", status: 200)
        }
    }
}

extension IssuerAnswer {
    /// A tag that can be sent back as it is.
    var tag: String? {
        header("ETag").flatMap { tag in
            1...KeySetAnswer.maxTagBytes ~= tag.utf8.count && tag.utf8.allSatisfy { 0x21...0x7E ~= $0 } ? tag : nil
        }
    }

    /// `max-age` of `Cache-Control` (RFC 9111 section 5.2.2); nothing when the answer is not to be kept.
    fileprivate var maxAge: Duration? {
        guard let text = header("Cache-Control") else { return nil }
        var seconds: Int64?
        for directive in text.lowercased().split(separator: ",") {
            let directive = directive.filter { $0 != " " && $0 != "\t" }
            if directive == "no-store" || directive == "no-cache" { return .zero }
            if directive.hasPrefix("max-age=") { seconds = Int64(directive.dropFirst("max-age=".count)) }
        }
        return seconds.flatMap { 0...1_000_000_000 ~= $0 ? .seconds($0) : nil }
    }
}
