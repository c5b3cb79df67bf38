import Countersign
import CountersignClient
import CountersignHummingbird
import Hummingbird

// The Swift of README.md and docs/guide/receiver.md, compiled and run by the tests. Change both together.

struct ReceiverSettings {
    let issuer: String
    let files: TLSFiles
    let address: BindAddress

    static func documented() -> ReceiverSettings {
        let issuer = "https://localhost:8443"
        let address = BindAddress.hostname("127.0.0.1", port: 9443)
        let files = TLSFiles(
            certificate: .file("certs/search-svc/cert.pem"), privateKey: .file("certs/search-svc/key.pem"),
            ca: .file("certs/ca.pem"), crl: .file("certs/crl.pem")
        )

        return ReceiverSettings(issuer: issuer, files: files, address: address)
    }
}

/// Serves until it is cancelled.
func runReceiver(_ settings: ReceiverSettings) async throws {
    let (issuer, files, address) = (settings.issuer, settings.files, settings.address)

    let tls = try ReloadableTLS(files, role: .server, at: .now())
    let client = try IssuerClient([issuer], tls: ReloadableTLS(files, role: .client, at: .now()))
    let keys = RemoteKeySource(client)
    let status = RemoteStatusSource(client, keys: keys, expecting: issuer)
    let authenticator = Authenticator(
        expecting: Expectations(issuer: issuer, audiences: ["search-svc"]),
        trust: .authorities(tls), callers: CallerPolicy(rules: [.trustDomain("link.internal")]), keys: keys,
        revocations: status
    )
    let router = Router(context: CallerContext.self)
    router.add(middleware: AuthenticationMiddleware(authenticator))
    router.get("/search") { _, context in "hello \(try context.requireCaller().service)\n" }

    var app = Application(
        router: router, server: .mutualTLS(tls), configuration: .init(address: address),
        services: [client, keys, status, CertificateWatch(tls: tls)]
    )
    app.beforeServerStarts { try await keys.waitUntilReady() }
    app.beforeServerStarts { try await status.waitUntilReady() }
    try await app.runService()
}
