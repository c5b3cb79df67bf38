/// The success answer of the token endpoint (RFC 6749, section 5.1), written without detours: this is the hot path.
public enum TokenAnswer {
    /// The JSON body. Nothing in it needs escaping: a token is base64url and dots, scopes hold no quotation mark and no backslash.
    ///
    /// - Parameters:
    ///   - refresh: When to ask for the next one; see ``RefreshSpread``.
    ///   - scope: What was granted; left out when nothing was.
    public static func body(token: String, expiresIn seconds: Int64, refreshIn refresh: Int64?, scope: [String]) -> [UInt8] {
        var body: [UInt8] = []
        body.reserveCapacity(token.utf8.count + 128)
        body.append(contentsOf: #"{"access_token":""#.utf8)
        body.append(contentsOf: token.utf8)
        body.append(contentsOf: #"","token_type":"Bearer","expires_in":"#.utf8)
        body.append(contentsOf: String(seconds).utf8)
        if let refresh {
            body.append(contentsOf: #","refresh_in":"#.utf8)
            body.append(contentsOf: String(refresh).utf8)
        }
        if !scope.isEmpty {
            body.append(contentsOf: #","scope":""#.utf8)
            body.append(contentsOf: scope.joined(separator: " ").utf8)
            body.append(UInt8(ascii: "\""))
        }
        body.append(UInt8(ascii: "}"))
        return body
    }
}
