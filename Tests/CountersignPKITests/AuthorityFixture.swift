import CountersignCrypto
import CountersignPKI
import CountersignTesting

/// An authority in a folder of its own, at a fixed moment.
struct AuthorityFixture {
    let directory: TestDirectory
    let authority: CertificateAuthority
    let now = TestClock.now

    init(intermediate: String? = nil) throws {
        directory = try TestDirectory()
        authority = try CertificateAuthority.create(
            in: directory.path("certs"), trustDomain: "link.internal", intermediate: intermediate, at: now
        )
    }

    @discardableResult
    func issue(_ service: String, days: Int64 = 90, at moment: Timestamp? = nil) throws -> CertificateAuthority.Issued {
        try authority.issue(service, days: days, at: moment ?? now)
    }

    func day(_ number: Int64) -> Timestamp { now.adding(seconds: number * 86_400) }

    func certificates(_ name: String) throws -> [Certificate] {
        try Certificate.parsePEM(try directory.read("certs/\(name)"))
    }

    func lists() throws -> [CertificateRevocationList] {
        try CertificateRevocationList.parsePEM(try directory.read("certs/crl.pem"))
    }

    /// What a receiver that trusts this directory says about the first certificate of a file; `nil` for yes.
    func verdict(
        _ file: String,
        purpose: PathValidator.Purpose = .client,
        at moment: Timestamp? = nil
    ) throws -> PathFailure.Code? {
        let validator = try PathValidator(anchors: try certificates("ca.pem"), revocationLists: try lists())
        let chain = try certificates(file)
        let result = validator.validate(chain[0], intermediates: Array(chain.dropFirst()), purpose: purpose, at: moment ?? now)
        if case .failure(let failure) = result { return failure.code }
        return nil
    }

    /// The same from the `openssl` command.
    func openSSLVerdict(_ file: String, at moment: Timestamp? = nil) throws -> Shell.Result {
        let path = directory.path("certs/\(file)")
        return try Shell.run(
            "openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-attime", "\((moment ?? now).secondsSince1970)",
            "-crl_check_all", "-CRLfile", directory.path("certs/crl.pem"), "-CAfile", directory.path("certs/ca.pem"),
            "-untrusted",
            path, path
        )
    }
}
