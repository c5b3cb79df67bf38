internal import Countersign

/// The issuer's answer to a request for its status document. Its form has been looked at, its signature has not.
enum StatusAnswer {
    /// A document, how old it is by the issuer's clock, and the tag to ask for news of it.
    case document([UInt8], tag: String?, age: Duration)
    /// What we have is still what the issuer publishes.
    case unchanged

    static func request(to address: IssuerAddress, tag: String?, instance: String) -> IssuerRequest {
        var headers = [
            (name: "Accept", value: "application/\(RevocationStatus.type)"), (name: IssuerRequest.instanceField, value: instance),
        ]
        if let tag { headers.append((name: "If-None-Match", value: tag)) }
        return IssuerRequest(.get, address.statusEndpoint, headers: headers, maxAnswerBytes: RevocationStatus.maxBytes)
    }

    /// - Throws: ``TokenError`` for anything but a document that may be one.
    init(_ exchange: IssuerClient.Exchange, tag: String?) throws(TokenError) {
        let (answer, url) = (exchange.answer, exchange.url)
        if answer.status == 304, tag != nil {
            self = .unchanged
            return
        }
        guard answer.status == 200 else { throw answer.failure(url: url) }
        guard answer.isOfType("application/\(RevocationStatus.type)") else {
            throw TokenError(.answerMalformed, "the answer of \(url) is not a status document by its content type", status: 200)
        }
        // Without a good Age the document counts as just made, and its own times, by our clock, have to do.
        let age = answer.header("Age").flatMap { Int64($0) } ?? 0
        self = .document(answer.body, tag: answer.tag, age: .seconds(min(max(0, age), 1_000_000_000)))
    }
}
