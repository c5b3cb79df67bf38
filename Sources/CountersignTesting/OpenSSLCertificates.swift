package import CountersignCrypto

/// Certificates the way the `openssl` command makes them: the ones that we refuse to make ourselves, too.
package struct OpenSSLCertificates {
    package let directory: TestDirectory

    package init(_ directory: TestDirectory) {
        self.directory = directory
    }

    /// An authority or service made by the command; its files are `NAME.pem` and `NAME.key`.
    package struct Made: Sendable {
        package let name: String
        package let certificate: Certificate

        package init(name: String, certificate: Certificate) {
            self.name = name
            self.certificate = certificate
        }
    }

    /// What `openssl` said instead of making what it was asked for.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package static let authority = """
        basicConstraints=critical,CA:TRUE
        keyUsage=critical,keyCertSign,cRLSign
        subjectKeyIdentifier=hash
        """
    package static let service = """
        basicConstraints=critical,CA:FALSE
        keyUsage=critical,digitalSignature
        extendedKeyUsage=clientAuth,serverAuth
        subjectAltName=DNS:user-svc.link.internal,URI:spiffe://link.internal/service/user-svc
        """

    /// - Parameter stringMask: which ASN.1 string types the names are written in (`openssl req`, string_mask).
    package func selfSigned(
        subject: String,
        extensions: String = authority,
        key: [String] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        digest: String = "-sha256",
        stringMask: String = "utf8only",
        name: String = "root"
    ) throws -> Certificate {
        let configuration = """
            [req]
            distinguished_name=dn
            prompt=no
            utf8=yes
            string_mask=\(stringMask)
            [dn]
            [extensions]
            \(extensions)
            """
        let file = try directory.write(configuration, to: "\(name).cnf")
        try run(
            ["req", "-x509", "-new", "-newkey"] + key + [
                "-noenc", "-keyout", directory.path("\(name).key"), "-out", directory.path("\(name).pem"), "-utf8",
                "-config", file, "-subj", subject, "-extensions", "extensions", digest, "-days", "30",
            ]
        )
        return try read(name)
    }

    package func root(_ subject: String = "/O=Link Service/CN=Root", extensions: String = authority) throws -> Made {
        Made(name: "root", certificate: try selfSigned(subject: subject, extensions: extensions))
    }

    package func issue(
        _ name: String,
        under issuer: Made,
        subject: String? = nil,
        extensions: String = service,
        key: [String] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        digest: String = "-sha256"
    ) throws -> Made {
        let request = try directory.write("[req]\ndistinguished_name=dn\n[dn]\n", to: "request.cnf")
        let extensionFile = try directory.write(extensions, to: "\(name).ext")
        try run(
            ["req", "-new", "-newkey"] + key + [
                "-noenc", "-keyout", directory.path("\(name).key"), "-out", directory.path("\(name).csr"), "-config", request,
                "-subj", subject ?? "/O=Link Service/CN=\(name)",
            ]
        )
        try run([
            "x509", "-req", "-in", directory.path("\(name).csr"), "-CA", directory.path("\(issuer.name).pem"), "-CAkey",
            directory.path("\(issuer.name).key"), "-extfile", extensionFile, "-out", directory.path("\(name).pem"), "-days", "10",
            digest,
        ])
        return Made(name: name, certificate: try read(name))
    }

    private func read(_ name: String) throws -> Certificate {
        guard let certificate = try Certificate.parsePEM(try directory.read("\(name).pem")).first else {
            throw Failure(description: "openssl made no certificate")
        }
        return certificate
    }

    private func run(_ arguments: [String]) throws {
        let result = try Shell.run("openssl", arguments)
        guard result.succeeded else {
            throw Failure(description: "openssl \(arguments.joined(separator: " ")): \(result.standardError)")
        }
    }
}
