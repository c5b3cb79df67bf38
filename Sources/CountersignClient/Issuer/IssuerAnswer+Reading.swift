internal import CountersignCrypto
internal import CountersignJSON

extension IssuerAnswer {
    /// No answer is left alone for longer on the word of whoever wrote the field.
    private static let maxRetryAfter: Int64 = 300

    /// Reads `Retry-After` (RFC 9110 section 10.2.3), in seconds or as a date by the clock of the same answer.
    var retryAfter: Duration? {
        guard let text = header("Retry-After") else { return nil }
        let seconds: Int64?
        if text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) {
            seconds = text.utf8.count > 9 ? Self.maxRetryAfter : Int64(text)
        } else if let date = HTTPDate.parse(text), let now = header("Date").flatMap(HTTPDate.parse) {
            seconds = date.seconds(since: now)
        } else {
            seconds = nil
        }
        return seconds.map { .seconds(max(0, min($0, Self.maxRetryAfter))) }
    }

    /// Whether the content type is one of these, whatever its parameters.
    func isOfType(_ types: String...) -> Bool {
        let type = header("Content-Type")?.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased()
        return type.map(types.contains) ?? false
    }

    /// - Throws: ``TokenError`` with `answer-malformed`.
    func json(url: String) throws(TokenError) -> JSONObject {
        guard isOfType("application/json") else {
            throw TokenError(.answerMalformed, "the answer of \(url) is not JSON by its content type", status: status)
        }
        do {
            return try JSONReader.parseObject(body)
        } catch {
            throw TokenError(.answerMalformed, "the answer of \(url) cannot be read: \(error.message)", status: status)
        }
    }

    /// For a status other than those that were hoped for.
    func failure(url: String) -> TokenError {
        switch status {
        case 408, 429, 500...599:
            return TokenError(
                .temporarilyUnavailable,
                "\(url) answered \(status)",
                status: status,
                retryAfter: retryAfter
            )
        case 300...399:
            return TokenError(
                .unexpectedStatus,
                "\(url) answered \(status), a redirect, which is not followed",
                hint: "give the issuer's own address",
                status: status
            )
        case 404, 405:
            return TokenError(
                .unexpectedStatus,
                "\(url) answered \(status)",
                hint: "check that the address is the issuer's base, without a path of its own",
                status: status
            )
        default:
            return TokenError(.unexpectedStatus, "\(url) answered \(status)", status: status)
        }
    }

    /// Anything but 200 becomes the error it stands for (RFC 6749 section 5.2).
    func checkTokenStatus(url: String) throws(TokenError) {
        guard status != 200 else { return }
        guard let problem = try? json(url: url), let code = problem.string("error").map(Self.printable), !code.isEmpty else {
            throw failure(url: url)
        }
        let words = problem.string("error_description").map { ": " + Self.printable($0) } ?? ""
        let isTemporary = status >= 500 || status == 429 || code == "temporarily_unavailable" || code == "server_error"
        throw TokenError(
            isTemporary ? .temporarilyUnavailable : .refused,
            "\(url) answered \(status) \(code)\(words)",
            hint: Self.hints[code],
            oauthCode: code,
            status: status,
            retryAfter: retryAfter
        )
    }

    private static let hints = [
        "invalid_client": "the issuer does not accept this certificate; its log names the reason",
        "invalid_target": "the issuer's configuration does not let this service have tokens for that audience",
        "invalid_scope": "ask for fewer scopes, or have them added to the issuer's configuration",
        "unauthorized_client": "the issuer's configuration does not let this service have tokens",
    ]

    /// What the other side wrote, fit for a log: the characters that RFC 6749 section 5.2 allows, and not too many.
    private static func printable(_ text: String) -> String {
        String(decoding: text.utf8.filter { 0x20...0x7E ~= $0 }.prefix(300), as: UTF8.self)
    }
}
