internal import HTTPTypes
internal import NIOHTTP1

/// What the header of a token request says that matters, from either form that it comes in.
struct TokenRequestHeader {
    private let isAuthorized: Bool
    private let isForm: Bool

    init(_ fields: HTTPFields) {
        isAuthorized = fields[.authorization] != nil
        let types = fields[values: .contentType]
        isForm = types.count == 1 && FormContentType.isForm(types.first) && fields[.contentEncoding] == nil
    }

    init(_ headers: HTTPHeaders) {
        isAuthorized = headers.contains(name: "authorization")
        let types = headers["content-type"]
        isForm = types.count == 1 && FormContentType.isForm(types.first) && !headers.contains(name: "content-encoding")
    }

    func check() throws(TokenRefusal) {
        guard !isAuthorized else {
            throw TokenRefusal(
                .requestAuthentication,
                OAuthError(.invalidRequest, "leave out Authorization: the client certificate is the only authentication")
            )
        }
        guard isForm else {
            throw TokenRefusal.malformed("send the parameters in the body as application/x-www-form-urlencoded in UTF-8")
        }
    }
}
