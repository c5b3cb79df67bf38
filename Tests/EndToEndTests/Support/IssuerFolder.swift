import CountersignCrypto
import CountersignTesting
import Foundation

/// A folder with everything an issuer needs: an authority, certificates, signing keys, a configuration.
///
/// Its certificates are valid at the real time, because the program under test knows no other.
final class IssuerFolder: Sendable {
    /// The `iss` of its tokens. Only a name: the port it listens on is the system's choice, made when it starts.
    static let issuer = "https://\(host):8443"
    static let host = "issuer.link.internal"

    @TaskLocal static var current: IssuerFolder?

    let files: TestDirectory
    let authority: TestAuthority

    /// - Parameter announceFor: how long a key is announced before it signs.
    init(announceFor: String = "10m") throws {
        files = try TestDirectory()
        authority = try TestAuthority(at: .now())
        try files.write(authority.certificate.pem, to: "certs/ca.pem")
        try writeRevocationList()
        for name in ["issuer", "user-svc", "search-svc", "stranger-svc"] {
            try files.write(try authority.issue(name), as: "certs/\(name)")
        }
        try files.write(
            Self.configuration.replacingOccurrences(of: "announceFor: 10m", with: "announceFor: \(announceFor)"),
            to: "countersign.yaml"
        )
        let made = try Program.run("keys", "init", "--keys", "keys", in: files)
        guard made.succeeded else { throw NotInTime(description: "no keys: \(made)") }
    }

    /// Ports 0 let the system choose.
    static let configuration = """
        issuer: https://issuer.link.internal:8443
        listen: 127.0.0.1:0
        operations: 127.0.0.1:0
        trustDomain: link.internal
        tls:
          certificate: certs/issuer/cert.pem
          privateKey: certs/issuer/key.pem
          clientCA: certs/ca.pem
          crl: certs/crl.pem
        keys:
          directory: keys
          announceFor: 10m
        tokens:
          lifetime: 5m
          maxLifetime: 15m
        services:
          - id: user-svc
            spiffeID: spiffe://link.internal/service/user-svc
            audiences:
              search-svc: { roles: [writer, reader], scopes: [search:read, search:write], lifetime: 5m }
              billing-svc: {}
              https://orders.link.internal/: { roles: [reader] }
          - id: search-svc
            subject: CN=search-svc.link.internal,O=Link Service
            audiences: {}

        """

    /// The configuration with some of its text replaced, in a file of its own. Every text to replace has to be there.
    func configuration(_ name: String, replacing replacements: (String, String)...) throws -> String {
        try configuration(name, replacing: replacements)
    }

    func configuration(_ name: String, replacing replacements: [(String, String)]) throws -> String {
        var text = String(decoding: try files.read("countersign.yaml"), as: UTF8.self)
        for (old, new) in replacements {
            guard text.contains(old) else { throw NotInTime(description: "the configuration has no '\(old)'") }
            text = text.replacingOccurrences(of: old, with: new)
        }
        try replace("\(name).yaml", with: text)
        return "\(name).yaml"
    }

    /// Puts a text in a file's place in one step, as whoever changes the files of a running issuer should.
    func replace(_ name: String, with text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: files.path(name)), options: .atomic)
    }

    /// Publishes a revocation list of the authority.
    ///
    /// - Parameter lasting: seconds from now until the next list is due.
    func writeRevocationList(revoking certificates: [Certificate] = [], lasting seconds: Int64 = 3600) throws {
        let list = try authority.revocationList(
            revoking: certificates, until: Timestamp.now().adding(seconds: seconds).seconds(since: authority.now)
        )
        try replace("certs/crl.pem", with: list.pem)
    }

    /// The certificate of a service, as `certs/NAME/cert.pem` holds it.
    func certificate(_ service: String) throws -> Certificate {
        guard let leaf = try Certificate.parsePEM(try files.read("certs/\(service)/cert.pem")).first else {
            throw NotInTime(description: "no certificate of \(service)")
        }
        return leaf
    }
}
