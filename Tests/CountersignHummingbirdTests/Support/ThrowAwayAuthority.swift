import CountersignCrypto
import CountersignTLS

/// A certificate with its key and what is sent along with it.
struct Identity {
    let certificate: Certificate
    let key: PrivateKey
    var intermediates: [Certificate] = []

    func keyPEM() throws -> [UInt8] {
        try key.pem().withBytes { $0 }
    }

    var chainPEM: [UInt8] {
        Array(([certificate] + intermediates).map(\.pem).joined().utf8)
    }

    /// Paths of both files.
    func write(to directory: TemporaryDirectory, as name: String) throws -> (certificate: String, key: String) {
        (
            try directory.write(chainPEM, to: "\(name).pem", mode: 0o644),
            try directory.write(try keyPEM(), to: "\(name)-key.pem")
        )
    }
}

/// A root authority made for one test.
struct ThrowAwayAuthority {
    static let now = Timestamp.now()

    let identity: Identity

    init(name: String = "Test Root") throws {
        let key = try PrivateKey.generate(.ecP256)
        let certificate = try CertificateTemplate(
            subject: DistinguishedName([(.commonName, name)]),
            role: .authority(pathLength: nil),
            notBefore: Self.now.adding(seconds: -3600),
            notAfter: Self.now.adding(seconds: 86_400)
        ).selfSigned(with: key)
        identity = Identity(certificate: certificate, key: key)
    }

    private init(_ identity: Identity) {
        self.identity = identity
    }

    /// An authority below this one.
    func intermediate(name: String = "Test Intermediate") throws -> ThrowAwayAuthority {
        let key = try PrivateKey.generate(.ecP256)
        let certificate = try CertificateTemplate(
            subject: DistinguishedName([(.commonName, name)]),
            role: .authority(pathLength: 0),
            notBefore: Self.now.adding(seconds: -3600),
            notAfter: Self.now.adding(seconds: 86_400)
        ).issued(for: key.publicKey, by: identity.certificate, key: identity.key)
        return ThrowAwayAuthority(Identity(certificate: certificate, key: key, intermediates: [certificate]))
    }

    /// A service's certificate, for both ends of a connection unless said otherwise, valid for an hour from now.
    func issue(
        _ name: String,
        at addresses: [SubjectAlternativeName] = [.dns("localhost"), .ip([127, 0, 0, 1])],
        purposes: [PathValidator.Purpose] = [.client, .server],
        from: Int64 = -600,
        until: Int64 = 3600
    ) throws -> Identity {
        let key = try PrivateKey.generate(.ecP256)
        let certificate = try CertificateTemplate(
            subject: DistinguishedName([(.organization, "Link Service"), (.commonName, name)]),
            subjectAlternativeNames: addresses,
            role: .service(purposes),
            notBefore: Self.now.adding(seconds: from),
            notAfter: Self.now.adding(seconds: until)
        ).issued(for: key.publicKey, by: identity.certificate, key: identity.key)
        return Identity(certificate: certificate, key: key, intermediates: identity.intermediates)
    }

    func revocationList(_ revoked: [Identity] = [], from: Int64 = -600, until: Int64 = 3600) throws -> [UInt8] {
        let list = try CertificateRevocationList.issue(
            revoked: revoked.map { .init(serialNumber: $0.certificate.serialNumber, revokedAt: Self.now) },
            number: 1,
            thisUpdate: Self.now.adding(seconds: from),
            nextUpdate: Self.now.adding(seconds: until),
            by: identity.certificate,
            key: identity.key
        )
        return Array(list.pem.utf8)
    }
}

/// A server's files in a folder of their own, as an operator would lay them out.
struct ServerFiles {
    let directory: TemporaryDirectory
    let authority: ThrowAwayAuthority
    var files: TLSFiles

    init(_ authority: ThrowAwayAuthority, revocationList: [UInt8]? = nil) throws {
        directory = try TemporaryDirectory()
        self.authority = authority
        let server = try authority.issue("server.link.internal").write(to: directory, as: "server")
        let ca = try directory.write(Array(authority.identity.certificate.pem.utf8), to: "ca.pem", mode: 0o644)
        files = TLSFiles(certificate: .file(server.certificate), privateKey: .file(server.key), ca: .file(ca))
        if let revocationList { files.crl = .file(try directory.write(revocationList, to: "crl.pem", mode: 0o644)) }
    }

    func load() throws -> ReloadableTLS {
        try ReloadableTLS(files, role: .server, at: .now())
    }
}
