import CountersignCrypto
import CountersignTLS
import Testing

@Suite struct TLSMaterialTests {
    let authority: ThrowAwayAuthority

    init() throws {
        authority = try ThrowAwayAuthority()
    }

    /// Loads `files` and returns the code it is refused with.
    private func refusal(_ files: TLSFiles, role: TLSMaterial.Role = .server) throws -> TLSError.Code {
        try #require(throws: TLSError.self) { _ = try TLSMaterial(files, role: role, at: ThrowAwayAuthority.now) }.code
    }

    @Test(arguments: [TLSMaterial.Role.server, .client])
    func filesThatFitTogetherAreLoaded(role: TLSMaterial.Role) throws {
        let files = try ServerFiles(authority, revocationList: authority.revocationList())
        let material = try TLSMaterial(files.files, role: role, at: ThrowAwayAuthority.now)
        #expect(material.certificate.subject.description == "CN=server.link.internal,O=Link Service")
        #expect(material.validator.anchors == [authority.identity.certificate])
        #expect(material.revocationLists.count == 1)
    }

    @Test func theIntermediatesAreKept() throws {
        var files = try ServerFiles(authority)
        let server = try authority.intermediate().issue("server.link.internal").write(to: files.directory, as: "below")
        files.files.certificate = .file(server.certificate)
        files.files.privateKey = .file(server.key)
        #expect(try TLSMaterial(files.files, role: .server, at: ThrowAwayAuthority.now).chain.count == 2)
    }

    @Test func aMissingFileOfAnyKindIsRefused() throws {
        let files = try ServerFiles(authority)
        let none = PEMSource.file("/no/such/file")
        for path in [\TLSFiles.certificate, \.privateKey, \.ca] {
            var broken = files.files
            broken[keyPath: path] = none
            #expect(try refusal(broken) == .sourceMissing)
        }
        var broken = files.files
        broken.crl = none
        #expect(try refusal(broken) == .sourceMissing)
    }

    @Test func textThatIsNotPEMIsRefusedByKind() throws {
        let files = try ServerFiles(authority)
        let text = PEMSource.file(try files.directory.write(Array("not PEM".utf8), to: "text"))
        var broken = files.files
        broken.certificate = text
        #expect(try refusal(broken) == .malformedCertificate)
        broken = files.files
        broken.privateKey = text
        #expect(try refusal(broken) == .malformedKey)
        broken = files.files
        broken.ca = text
        #expect(try refusal(broken) == .malformedCA)
        broken = files.files
        broken.crl = text
        #expect(try refusal(broken) == .malformedCRL)
    }

    @Test func aKeyOfAnotherCertificateIsRefused() throws {
        let files = try ServerFiles(authority)
        var broken = files.files
        broken.privateKey = .file(try authority.issue("other").write(to: files.directory, as: "other").key)
        #expect(try refusal(broken) == .keyMismatch)
    }

    @Test func aKeyThatOthersMayReadIsRefused() throws {
        let files = try ServerFiles(authority)
        let identity = try authority.issue("server.link.internal")
        var broken = files.files
        broken.certificate = .file(try identity.write(to: files.directory, as: "open").certificate)
        broken.privateKey = .file(try files.directory.write(identity.keyPEM(), to: "open-key.pem", mode: 0o644))
        #expect(try refusal(broken) == .keyPermissions)
    }

    @Test(arguments: [
        (-600, -1, TLSError.Code.certificateExpired),
        (60, 3600, .certificateNotYetValid),
    ])
    func aCertificateOutsideItsTimeIsRefused(from: Int, until: Int, code: TLSError.Code) throws {
        let files = try ServerFiles(authority)
        let identity = try authority.issue("server.link.internal", from: Int64(from), until: Int64(until))
        let paths = try identity.write(to: files.directory, as: "untimely")
        var broken = files.files
        broken.certificate = .file(paths.certificate)
        broken.privateKey = .file(paths.key)
        #expect(try refusal(broken) == code)
    }

    @Test(arguments: [
        (PathValidator.Purpose.client, TLSMaterial.Role.server),
        (.server, .client),
    ])
    func aCertificateForTheOtherEndIsRefused(purpose: PathValidator.Purpose, role: TLSMaterial.Role) throws {
        let files = try ServerFiles(authority)
        let paths = try authority.issue("one-way", purposes: [purpose]).write(to: files.directory, as: "one-way")
        var broken = files.files
        broken.certificate = .file(paths.certificate)
        broken.privateKey = .file(paths.key)
        #expect(try refusal(broken, role: role) == .certificatePurpose)
        let right: TLSMaterial.Role = role == .server ? .client : .server
        #expect(throws: Never.self) { try TLSMaterial(broken, role: right, at: ThrowAwayAuthority.now) }
    }

    @Test func aCAsCertificateIsNotAServers() throws {
        let files = try ServerFiles(authority)
        let paths = try authority.identity.write(to: files.directory, as: "authority")
        var broken = files.files
        broken.certificate = .file(paths.certificate)
        broken.privateKey = .file(paths.key)
        #expect(try refusal(broken) == .certificatePurpose)
    }

    @Test func anEncryptedKeyIsOpenedByItsPassphraseOnly() async throws {
        var files = try ServerFiles(authority)
        let encrypted = files.directory.path + "/encrypted.pem"
        let result = try await Command.run(
            "openssl",
            [
                "pkcs8", "-topk8", "-in", files.directory.path + "/server-key.pem", "-out", encrypted, "-passout",
                "pass:opensesame",
            ],
            in: files.directory
        )
        #expect(result.status == 0, "\(result.errors)")
        files.files.privateKey = .file(encrypted)
        #expect(try refusal(files.files) == .wrongPassphrase)
        files.files.privateKeyPassphrase = .file(try files.directory.write(Array("guess\n".utf8), to: "wrong"))
        #expect(try refusal(files.files) == .wrongPassphrase)
        files.files.privateKeyPassphrase = .file(try files.directory.write(Array("opensesame\n".utf8), to: "right"))
        #expect(throws: Never.self) { try TLSMaterial(files.files, role: .server, at: ThrowAwayAuthority.now) }
    }

    @Test(arguments: [
        (-600, -1, TLSError.Code.crlExpired),
        (60, 3600, .crlNotYetValid),
    ])
    func aRevocationListOutsideItsTimeIsRefused(from: Int, until: Int, code: TLSError.Code) throws {
        let list = try authority.revocationList(from: Int64(from), until: Int64(until))
        let files = try ServerFiles(authority, revocationList: list)
        #expect(try refusal(files.files) == code)
    }

    @Test func aRevocationListOfAnotherAuthorityIsRefused() throws {
        // The second has the name of the authority and not its key.
        for other in [try ThrowAwayAuthority(name: "Another Root"), try ThrowAwayAuthority()] {
            let files = try ServerFiles(authority, revocationList: other.revocationList())
            #expect(try refusal(files.files) == .crlInvalid)
        }
    }

    /// The own certificate cannot serve as the proof then.
    @Test func aRevocationListOfAnotherAuthorityIsRefusedAlsoWhereTheOwnCertificateIsUnderNeither() throws {
        let (clients, other) = (try ThrowAwayAuthority(name: "Clients"), try ThrowAwayAuthority(name: "Clients"))
        for (authority, code) in [(other, TLSError.Code.crlInvalid), (clients, nil)] {
            var files = try ServerFiles(self.authority, revocationList: authority.revocationList())
            files.files.ca = .file(try files.directory.write(Array(clients.identity.certificate.pem.utf8), to: "clients.pem"))
            if let code {
                #expect(try refusal(files.files) == code)
            } else {
                #expect(throws: Never.self) { try TLSMaterial(files.files, role: .server, at: ThrowAwayAuthority.now) }
            }
        }
    }

    /// Nobody would take it for that: neither OpenSSL nor BoringSSL.
    @Test func aCertificateForAnyPurposeIsRefused() async throws {
        let files = try ServerFiles(authority)
        _ = try authority.identity.write(to: files.directory, as: "authority")
        try files.directory.write(Array("extendedKeyUsage=anyExtendedKeyUsage".utf8), to: "any.cnf")
        let script = """
            cd "$0" && openssl req -new -key server-key.pem -subj /CN=server | openssl x509 -req -CA authority.pem -CAkey authority-key.pem \
              -CAcreateserial -days 1 -extfile any.cnf -out any.pem
            """
        let result = try await Command.run("sh", ["-c", script, files.directory.path], in: files.directory)
        #expect(result.status == 0, "\(result.errors)")
        var broken = files.files
        broken.certificate = .file(files.directory.path + "/any.pem")
        // A moment later than the certificate, whose first second may have begun after the test.
        #expect(throws: TLSError(.certificatePurpose, "")) { try TLSMaterial(broken, role: .server, at: .now()) }
    }

    @Test func theOwnCertificateOnTheListDoesNotStopTheListFromCounting() throws {
        let files = try ServerFiles(authority)
        let identity = try authority.issue("server.link.internal")
        let paths = try identity.write(to: files.directory, as: "revoked")
        var revoked = files.files
        revoked.certificate = .file(paths.certificate)
        revoked.privateKey = .file(paths.key)
        revoked.crl = .file(try files.directory.write(authority.revocationList([identity]), to: "crl.pem"))
        #expect(throws: Never.self) { try TLSMaterial(revoked, role: .server, at: ThrowAwayAuthority.now) }
    }
}
