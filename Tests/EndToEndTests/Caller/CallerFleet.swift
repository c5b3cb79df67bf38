import CountersignClient
import CountersignTesting
import Logging

extension IssuerFolder {
    /// The files of a service, as a caller reads them.
    func tlsFiles(of service: String) -> TLSFiles {
        TLSFiles(
            certificate: .file(files.path("certs/\(service)/cert.pem")),
            privateKey: .file(files.path("certs/\(service)/key.pem")),
            ca: .file(files.path("certs/ca.pem"))
        )
    }

    /// A way to the issuer of its own, as another process has: its own connections, its own failures.
    func caller(_ issuer: String, tls: ReloadableTLS? = nil, requestTimeout: Duration = .seconds(5)) throws -> TokenSource {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let client = try IssuerClient(
            [issuer], tls: tls ?? ReloadableTLS(tlsFiles(of: "user-svc"), role: .client, at: .now()),
            configuration: .init(requestTimeout: requestTimeout), logger: logger
        )
        return TokenSource(client, configuration: .init(fetchTimeout: requestTimeout * 2))
    }
}
