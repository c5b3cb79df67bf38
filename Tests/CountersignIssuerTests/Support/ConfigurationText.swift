import CountersignIssuer

/// A configuration with everything in it, to be spoilt line by line.
enum ConfigurationText {
    static let complete = """
        issuer: https://tokens.link.internal:8443
        listen: 0.0.0.0:8443
        operations: 127.0.0.1:9090
        trustDomain: link.internal
        tls:
          certificate: certs/issuer/cert.pem
          privateKey: env:ISSUER_KEY
          clientCA: /etc/ca.pem
          crl: certs/crl.pem
        keys:
          directory: keys
          announceFor: 10m
          rotateEvery: 30d
        tokens:
          lifetime: 5m
          maxLifetime: 15m
        clients:
          requiredSubjectFields: [CN, O]
        services:
          - id: user-svc
            spiffeID: spiffe://link.internal/service/user-svc
            audiences:
              search-svc: { roles: [reader, writer], scopes: [search:read, search:write], lifetime: 2m }
              https://orders.link.internal/: { roles: [reader] }
          - id: search-svc
            subject: CN=search-svc.link.internal,O=Link Service
            audiences: {}
        admins:
          - subject: CN=admin.link.internal,O=Link Service
        """

    /// The smallest configuration.
    static let minimal = """
        issuer: https://tokens.link.internal
        listen: "[::1]:0"
        tls:
          certificate: cert.pem
          privateKey: key.pem
          clientCA: ca.pem
        keys:
          directory: keys
        services: []
        """

    static func parse(_ text: String, file: String = "etc/countersign.yaml") throws(ConfigurationError) -> IssuerConfiguration {
        try IssuerConfiguration.parse(Array(text.utf8), file: file)
    }

    /// The complete configuration with one line (counted from 1) replaced by others.
    static func replacing(_ line: Int, with replacement: String...) -> String {
        var lines = complete.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        lines.replaceSubrange(line - 1...line - 1, with: replacement)
        return lines.joined(separator: "\n")
    }

    /// What is wrong with a text, each as it is printed; empty when nothing is.
    static func problems(_ text: String) -> [String] {
        do {
            _ = try parse(text, file: "c.yaml")
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }
}
