internal import CountersignJSON

/// A token request whose parameters could be read, each at most once.
///
/// Says nothing about whether they are granted: that is ``TokenIssuer``'s decision.
public struct TokenRequest: Hashable, Sendable {
    /// For whom the token is to be.
    public enum Target: Hashable, Sendable {
        /// The `audience` parameter.
        case audience(String)
        /// The `resource` parameter (RFC 8707): an absolute URI.
        case resource(String)

        var name: String {
            switch self {
            case .audience(let name), .resource(let name): name
            }
        }
    }

    public let grantType: String
    public let target: Target
    /// The scope tokens asked for; `nil` asks for all that are granted.
    public let scope: Set<String>?
    /// The service the caller says it is.
    public let clientID: String?
    /// The lifetime asked for, in seconds, greater than zero.
    public let lifetime: Int64?

    public init(
        grantType: String = Self.clientCredentials, target: Target, scope: Set<String>? = nil, clientID: String? = nil,
        lifetime: Int64? = nil
    ) {
        self.grantType = grantType
        self.target = target
        self.scope = scope
        self.clientID = clientID
        self.lifetime = lifetime
    }

    /// The one grant type there is.
    public static let clientCredentials = "client_credentials"

    /// Reads a form body.
    ///
    /// As in RFC 6749, section 3.2: a parameter without value counts as omitted, unknown parameters are ignored, a repeated one
    /// is refused (also an unknown one).
    ///
    /// - Throws: ``TokenRefusal`` with reason `request-malformed`, `request-authentication`, `grant-unsupported` or
    ///   `scope-not-granted`.
    public init(form bytes: some Collection<UInt8>) throws(TokenRefusal) {
        let parameters = try Parameters(bytes)
        // RFC 6749, section 5.2: more than one way of authenticating is an invalid request.
        for name in ["client_secret", "client_assertion", "client_assertion_type"] where parameters[name] != nil {
            throw TokenRefusal(
                .requestAuthentication,
                OAuthError(.invalidRequest, "leave out \(name): the client certificate is the only authentication")
            )
        }
        guard let grantType = parameters["grant_type"] else {
            throw .malformed("grant_type is missing: set it to client_credentials")
        }
        // Before the rest: another grant has other parameters, and their absence is not what is wrong.
        guard grantType.hasSameUTF8(as: Self.clientCredentials) else {
            throw TokenRefusal(
                .grantUnsupported, OAuthError(.unsupportedGrantType, "the only grant_type here is client_credentials")
            )
        }
        self.grantType = grantType
        target = try Self.target(audience: parameters["audience"], resource: parameters["resource"])
        scope = try parameters["scope"].map { text throws(TokenRefusal) in try Self.scope(text) }
        clientID = parameters["client_id"]
        lifetime = try parameters["lifetime"].map { text throws(TokenRefusal) in try Self.lifetime(text) }
    }
}

extension TokenRequest {
    /// The parameters that have a value, by name.
    private struct Parameters {
        /// Few, so that a look through them costs less than hashing.
        private let values: [(name: String, value: String)]

        init(_ bytes: some Collection<UInt8>) throws(TokenRefusal) {
            let form: FormBody
            do {
                form = try FormBody(bytes)
            } catch {
                throw .malformed("the body is not valid application/x-www-form-urlencoded UTF-8 text")
            }
            values = form.parameters
            guard Set(values.map(\.name)).count == values.count else {
                throw .malformed("a parameter is repeated: send each one once")
            }
        }

        subscript(name: String) -> String? {
            for index in values.indices where values[index].name == name {
                return values[index].value.isEmpty ? nil : values[index].value
            }
            return nil
        }
    }

    private static func target(audience: String?, resource: String?) throws(TokenRefusal) -> Target {
        switch (audience, resource) {
        case (let audience?, nil): return .audience(audience)
        case (nil, let resource?): return .resource(resource)
        case (nil, nil): throw .malformed("name the receiver of the token in the parameter audience or resource")
        case (_?, _?): throw .malformed("send either audience or resource, not both")
        }
    }

    private static func scope(_ text: String) throws(TokenRefusal) -> Set<String> {
        let tokens = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard tokens.allSatisfy({ !$0.isEmpty && $0.allSatisfy(ConfigurationSyntax.isScopeByte) }) else {
            throw TokenRefusal(
                .scopeNotGranted, OAuthError(.invalidScope, "scope must be scope names with single spaces between them")
            )
        }
        return Set(tokens.map { String(Substring($0)) })
    }

    private static func lifetime(_ text: String) throws(TokenRefusal) -> Int64 {
        guard let seconds = ConfigurationSyntax.decimal(text.utf8, digits: 1...10), seconds > 0 else {
            throw .malformed("lifetime must be a whole number of seconds greater than zero")
        }
        return seconds
    }
}

extension TokenRefusal {
    static func malformed(_ message: String) -> TokenRefusal {
        TokenRefusal(.requestMalformed, OAuthError(.invalidRequest, message))
    }
}
