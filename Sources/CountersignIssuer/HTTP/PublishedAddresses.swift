internal import CountersignJSON

/// What the issuer says about itself (RFC 8414 with the members of RFC 8705), and where things are.
enum PublishedAddresses {
    static let tokenPath = "/oauth2/token"
    static let keySetPath = "/.well-known/jwks.json"
    static let statusPath = "/.well-known/countersign-status"
    static let metadataPath = "/.well-known/oauth-authorization-server"

    /// The metadata document.
    ///
    /// `response_types_supported` is required by RFC 8414 also where there is no authorization endpoint; the lists whose
    /// defaults would be wrong here are all given.
    static func metadata(issuer: HTTPSAddress) throws(JSONError) -> [UInt8] {
        let tokenEndpoint = JSONValue.string(issuer.text + tokenPath)
        let members: JSONObject = [
            "issuer": .string(issuer.text),
            "token_endpoint": tokenEndpoint,
            "jwks_uri": .string(issuer.text + keySetPath),
            "countersign_status_uri": .string(issuer.text + statusPath),
            "response_types_supported": [],
            "grant_types_supported": [.string(TokenRequest.clientCredentials)],
            "token_endpoint_auth_methods_supported": ["tls_client_auth"],
            "tls_client_certificate_bound_access_tokens": true,
            "mtls_endpoint_aliases": ["token_endpoint": tokenEndpoint],
        ]
        return try JSONWriter.bytes(.object(members))
    }
}
