import CountersignCrypto
import CountersignFiles
import CountersignIssuer
import CountersignPKI
import CountersignTLS
import Foundation
import NIOCore
import NIOPosix

/// The demo's files: a certificate authority, another one, keys and a configuration, in a folder that goes away at the end.
final class DemoFolder: Sendable {
    let root: String
    let isKept: Bool
    let issuerPort: Int
    let operationsPort: Int
    let receiverPort: Int

    private static let services = ["issuer", "search-svc", "user-svc", "thief-svc", "leaver-svc", "batch-svc"]

    /// - Parameter keep: a folder to make and leave; it must not exist or be empty. `nil`: a temporary one.
    init(keep: String?) async throws {
        let files = FileManager.default
        if let keep {
            guard !keep.isEmpty else {
                throw CommandFailure.usage("--keep names no folder", hint: "name a new folder for --keep")
            }
            guard try Self.isEmpty(keep) else {
                throw CommandFailure.usage("\(keep) is not empty", hint: "name a new folder for --keep")
            }
            root = URL(fileURLWithPath: keep).path
        } else {
            root = files.temporaryDirectory.appendingPathComponent("countersign-demo-\(UUID().uuidString)").path
        }
        isKept = keep != nil
        if !isKept { ProcessEnd.leavesBehind(root) }
        do {
            try files.createDirectory(atPath: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure.usage("the folder \(root) cannot be made", hint: "name one for --keep that you may write to")
        }
        let ports = try await Self.freePorts(3)
        (issuerPort, operationsPort, receiverPort) = (ports[0], ports[1], ports[2])
    }

    func path(_ name: String) -> String { "\(root)/\(name)" }
    var ca: String { path("certs/ca.pem") }
    var issuerAddress: String { "https://localhost:\(issuerPort)" }

    /// Certificates, keys and configuration, as an operator would make them with `pki`, `keys` and an editor.
    func prepare(_ report: inout DemoReport) async throws {
        let now = Timestamp.now()
        try makeAuthority(in: "certs", for: Self.services, at: now)
        try makeAuthority(in: "other-certs", for: ["user-svc"], at: now)
        report.step("a certificate authority and \(Self.services.count) certificates", expected: "made", happened: "made")
        _ = try await FileKeyRingStore(directory: path("keys")).initialise(bitCount: 2048, at: now)
        report.step("the first signing key, RSA-2048", expected: "made", happened: "made")
        do throws(SystemError) {
            try SystemFile.create(path("countersign.yaml"), mode: 0o644).write(Array(configuration.utf8))
        } catch {
            throw CommandFailure.software(error.message, hint: "name a new folder for --keep")
        }
    }

    /// Whether nothing is in a folder, or the folder is not there.
    private static func isEmpty(_ folder: String) throws -> Bool {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty
        } catch {
            let failure = SystemError("list", folder, error)
            guard failure.isNotFound else {
                throw CommandFailure.usage(failure.message, hint: "name a new folder for --keep")
            }
            return true
        }
    }

    private func makeAuthority(in name: String, for services: [String], at now: Timestamp) throws {
        let authority = try CertificateAuthority.create(in: path(name), trustDomain: "link.internal", at: now)
        for service in services {
            try authority.issue(service, dnsNames: ["localhost"], at: now)
        }
    }

    func files(of service: String, withRevocationList: Bool) -> TLSFiles {
        TLSFiles(
            certificate: .file(path("certs/\(service)/cert.pem")), privateKey: .file(path("certs/\(service)/key.pem")),
            ca: .file(ca), crl: withRevocationList ? .file(path("certs/crl.pem")) : nil
        )
    }

    /// The same name, vouched for by somebody else; it trusts our servers.
    func foreignFiles(of service: String) -> TLSFiles {
        TLSFiles(
            certificate: .file(path("other-certs/\(service)/cert.pem")),
            privateKey: .file(path("other-certs/\(service)/key.pem")),
            ca: .file(ca)
        )
    }

    func revoke(_ service: String) throws {
        try CertificateAuthority.open(path("certs")).revoke(service, at: .now())
    }

    func announceKey() async throws {
        _ = try await FileKeyRingStore(directory: path("keys")).rotate(at: .now())
    }

    private var configuration: String {
        """
        issuer: \(issuerAddress)
        listen: 127.0.0.1:\(issuerPort)
        operations: 127.0.0.1:\(operationsPort)
        trustDomain: link.internal
        tls:
          certificate: certs/issuer/cert.pem
          privateKey: certs/issuer/key.pem
          clientCA: certs/ca.pem
          crl: certs/crl.pem
        keys:
          directory: keys
          announceFor: 3s        # ten minutes where it is not a demo
        services:
          - id: user-svc
            spiffeID: spiffe://link.internal/service/user-svc
            audiences:
              search-svc: { roles: [reader, writer], scopes: ["search:read"] }
              billing-svc: { roles: [reader] }
          - id: leaver-svc
            spiffeID: spiffe://link.internal/service/leaver-svc
            audiences:
              search-svc: { roles: [reader] }
          - id: batch-svc
            spiffeID: spiffe://link.internal/service/batch-svc
            audiences:
              search-svc: { roles: [reader], lifetime: 1s }
          - id: thief-svc
            spiffeID: spiffe://link.internal/service/thief-svc
            audiences: {}
          - id: search-svc
            subject: CN=search-svc.link.internal,O=Link Service
            audiences: {}

        """
    }

    func printWhatToDoNext() {
        let program = Bundle.main.executablePath ?? "countersign"
        StandardOutput.write(
            exact: """

                Everything is in \(root). To go on, in one terminal:
                  cd \(root)
                  \(program) serve --config countersign.yaml
                and in another:
                  cd \(root)
                  \(program) token fetch --issuer \(issuerAddress) \\
                    --cert certs/user-svc/cert.pem --key certs/user-svc/key.pem \\
                    --ca certs/ca.pem --audience search-svc
                  curl --cacert certs/ca.pem \\
                    --cert certs/user-svc/cert.pem --key certs/user-svc/key.pem \\
                    -d grant_type=client_credentials -d audience=search-svc \\
                    \(issuerAddress)/oauth2/token
                  \(program) keys rotate --keys keys
                """
        )
    }

    /// Ports that are free now. They are let go before they are used, because the configuration has to name them.
    private static func freePorts(_ count: Int) async throws -> [Int] {
        var channels: [any Channel] = []
        for _ in 0..<count {
            channels.append(
                try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
            )
        }
        let ports = channels.compactMap { $0.localAddress?.port }
        for channel in channels { try await channel.close() }
        return ports
    }
}
