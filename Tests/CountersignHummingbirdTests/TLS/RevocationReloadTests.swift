import CountersignCrypto
import CountersignTLS
import Foundation
import NIOSSL
import Testing

/// A running server must learn of revocations whatever else is wrong with its files.
@Suite struct RevocationReloadTests {
    private let authority: ThrowAwayAuthority
    private let files: ServerFiles
    private let tls: ReloadableTLS
    private let (good, lost): (Identity, Identity)
    private let now = ThrowAwayAuthority.now

    init() throws {
        authority = try ThrowAwayAuthority()
        files = try ServerFiles(authority, revocationList: authority.revocationList())
        tls = try ReloadableTLS(files.files, role: .server, at: now)
        good = try authority.issue("good.link.internal")
        lost = try authority.issue("lost.link.internal")
    }

    /// What a client's certificate comes to: `nil` when it is accepted.
    private func refusal(_ client: Identity, after seconds: Int64 = 0) -> PathFailure.Code? {
        let verdict = tls.current.validator.validate(
            client.certificate, intermediates: client.intermediates, purpose: .client, at: now.adding(seconds: seconds)
        )
        guard case .failure(let failure) = verdict else { return nil }
        return failure.code
    }

    private func revoke(_ identity: Identity) throws {
        try files.directory.write(authority.revocationList([identity]), to: "crl.pem")
    }

    private func failure() throws -> TLSError {
        try #require(throws: TLSError.self) { try tls.reload(at: now) }
    }

    private static let trustTaken = "the old certificate stays in use, with the CA and revocation lists that are there now"

    @Test func aStaleListKeepsNoOtherListFromBeingTakenOver() throws {
        let other = try ThrowAwayAuthority(name: "Other Root")
        let (theirs, revoked) = (try other.issue("theirs"), try other.issue("revoked"))
        let both = [authority, other].map(\.identity.certificate.pem).joined()
        try files.directory.write(Array(both.utf8), to: "ca.pem")
        try files.directory.write(authority.revocationList() + other.revocationList(), to: "crl.pem")
        #expect(try tls.reload(at: now))
        #expect([good, lost, theirs, revoked].map { refusal($0) } == [nil, nil, nil, nil])

        let stale = try authority.revocationList(from: -600, until: -1)
        try files.directory.write(stale + other.revocationList([revoked]), to: "crl.pem")
        #expect(try tls.reload(at: now))
        #expect(refusal(revoked) == .revoked)
        #expect(refusal(theirs) == nil)
        #expect(refusal(good) == .revocationListExpired)
        #expect(tls.failure == nil)
        #expect(tls.trustProblem(at: now)?.code == .crlExpired)

        try files.directory.write(authority.revocationList([lost]) + other.revocationList([revoked]), to: "crl.pem")
        #expect(try tls.reload(at: now))
        #expect([good, lost, theirs, revoked].map { refusal($0) } == [nil, .revoked, nil, .revoked])
        #expect(tls.trustProblem(at: now) == nil)
    }

    @Test func aListThatHasNotBegunIsTakenOverAndCountsFromItsTime() throws {
        try files.directory.write(authority.revocationList([lost], from: 60), to: "crl.pem")
        #expect(try tls.reload(at: now))
        #expect(tls.trustProblem(at: now)?.code == .crlNotYetValid)
        #expect(refusal(good) != nil)
        #expect(tls.trustProblem(at: now.adding(seconds: 60)) == nil)
        #expect(refusal(good, after: 60) == nil)
        #expect(refusal(lost, after: 60) == .revoked)
    }

    @Test func aListOfAnotherAuthorityIsTakenOverAndLetsNobodyIn() throws {
        try files.directory.write(ThrowAwayAuthority(name: "Other Root").revocationList(), to: "crl.pem")
        #expect(try tls.reload(at: now))
        #expect(refusal(good) == .revocationListMissing)
        #expect(tls.trustProblem(at: now)?.code == .crlInvalid)
        try revoke(lost)
        #expect(try tls.reload(at: now))
        #expect(refusal(good) == nil)
        #expect(refusal(lost) == .revoked)
    }

    @Test(arguments: [
        ("server.pem", "half a certif", TLSError.Code.malformedCertificate),
        ("server.pem", "", .sourceMissing),
        ("server-key.pem", "half a key", .malformedKey),
        ("server-key.pem", "", .sourceMissing),
    ])
    func aFaultOfTheOwnCertificateOrKeyDoesNotHideARevocation(file: String, text: String, code: TLSError.Code) throws {
        let before = tls.current
        let path = files.directory.path + "/" + file
        let old = try #require(FileManager.default.contents(atPath: path))
        if text.isEmpty {
            try FileManager.default.removeItem(atPath: path)
        } else {
            try files.directory.write(Array(text.utf8), to: file)
        }
        #expect(refusal(lost) == nil)
        try revoke(lost)
        let error = try failure()
        #expect(error.code == code)
        #expect(error.message.hasSuffix(Self.trustTaken))
        #expect(tls.failure == error)
        #expect(refusal(lost) == .revoked)
        #expect(refusal(good) == nil)
        #expect(tls.current.certificate == before.certificate)
        #expect(tls.current.context === before.context)
        #expect(tls.current.contentDigest != before.contentDigest)

        try files.directory.write(Array(old), to: file)
        #expect(try !tls.reload(at: now))
        #expect(tls.failure == nil)
        #expect(refusal(lost) == .revoked)
    }

    @Test func anOwnCertificateThatHasEndedDoesNotHideARevocation() throws {
        try revoke(lost)
        let late = now.adding(seconds: 3601)
        try files.directory.write(authority.revocationList([lost], until: 7200), to: "crl.pem")
        #expect(throws: TLSError(.certificateExpired, "")) { try tls.reload(at: late) }
        let client = try authority.issue("late.link.internal", until: 7200)
        #expect(refusal(client, after: 3601) == nil)
        try files.directory.write(authority.revocationList([client], until: 7200), to: "crl.pem")
        #expect(throws: TLSError(.certificateExpired, "")) { try tls.reload(at: late) }
        #expect(refusal(client, after: 3601) == .revoked)
    }

    @Test func aChangeOfAuthoritiesIsTakenOverWithoutTheNewCertificate() throws {
        let other = try ThrowAwayAuthority(name: "Other Root")
        let before = tls.current
        try files.directory.write(Array("broken".utf8), to: "server.pem")
        try files.directory.write(Array(other.identity.certificate.pem.utf8), to: "ca.pem")
        try files.directory.write(other.revocationList(), to: "crl.pem")
        #expect(try failure().code == .malformedCertificate)
        #expect(refusal(good) == .untrusted)
        #expect(refusal(try other.issue("theirs")) == nil)
        #expect(tls.current.certificate == before.certificate)
        // What a client's connections trust, and what a server names to its clients, is in the configuration.
        #expect(tls.current.context !== before.context)
        #expect(tls.current.configuration.trustRoots != before.configuration.trustRoots)

        let identity = try other.issue("server.link.internal")
        _ = try identity.write(to: files.directory, as: "server")
        #expect(try tls.reload(at: now))
        #expect(tls.current.certificate == identity.certificate)
        #expect(tls.failure == nil)
    }

    @Test(arguments: [("crl.pem", TLSError.Code.malformedCRL), ("ca.pem", .malformedCA)])
    func trustThatCannotBeReadChangesNothingAndTheOldListEnds(file: String, code: TLSError.Code) throws {
        let before = tls.current
        _ = try authority.issue("server.link.internal").write(to: files.directory, as: "server")
        try files.directory.write(Array("half of".utf8), to: file)
        let error = try failure()
        #expect(error.code == code)
        #expect(error.message.hasSuffix("; everything old stays in use"))
        #expect(tls.current === before)
        #expect(refusal(good) == nil)
        let lasting = try authority.issue("lasting.link.internal", until: 7200)
        #expect(refusal(lasting) == nil)
        #expect(refusal(lasting, after: 3601) == .revocationListExpired)
    }

    @Test func faultsOfBothAreToldTogether() throws {
        try files.directory.write(Array("broken".utf8), to: "server.pem")
        try files.directory.write(Array("broken".utf8), to: "crl.pem")
        let error = try failure()
        #expect(error.code == .malformedCertificate)
        #expect(error.message.contains("server.pem is not a certificate in PEM"))
        #expect(error.message.contains("crl.pem is not a revocation list in PEM"))
    }

    @Test func aCertificateThatIsNotAcceptedIsNotUsedAndDoesNotHideARevocation() throws {
        let name = "server.link.internal"
        let picky = try ReloadableTLS(files.files, role: .server, at: now) { material throws(TLSError) in
            guard material.certificate.subject.description.hasPrefix("CN=\(name),") else {
                throw TLSError(.certificateName, "the certificate is not \(name)'s")
            }
        }
        let before = picky.current
        let other = try authority.issue("other.link.internal")
        _ = try other.write(to: files.directory, as: "server")
        try revoke(lost)
        #expect(throws: TLSError(.certificateName, "")) { try picky.reload(at: now) }
        #expect(picky.current.certificate == before.certificate)
        #expect(picky.current.revocationLists.map(\.revoked.count) == [1])
        // Without the rule the same files are taken over, and at the first load the rule holds as well.
        #expect(try tls.reload(at: now))
        #expect(tls.current.certificate == other.certificate)
        #expect(throws: TLSError(.certificateName, "")) {
            try ReloadableTLS(files.files, role: .server, at: now) { _ throws(TLSError) in
                throw TLSError(.certificateName, "never")
            }
        }

        let renewed = try authority.issue(name)
        _ = try renewed.write(to: files.directory, as: "server")
        #expect(try picky.reload(at: now))
        #expect(picky.current.certificate == renewed.certificate)
        #expect(picky.failure == nil)
    }
}
