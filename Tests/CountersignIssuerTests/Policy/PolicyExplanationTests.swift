import CountersignCrypto
import CountersignJOSE
import CountersignTLS
import Foundation
import Testing

@testable import CountersignIssuer

@Suite("The explanation of the policy")
struct PolicyExplanationTests {
    @Test("shows the token that a certificate would get, for one audience or for all that are granted")
    func granted() async throws {
        let files = try await IssuerFolder()
        let certificate = try files.pki.certificate(subject("user-svc"))
        for audience in [nil, "search-svc"] {
            let explanation = try explain(files, certificate, audience)
            #expect(try explanation.caller.get().service.id == "user-svc")
            #expect(explanation.tokens.map(\.audience) == ["search-svc"])
            let claims = try #require(explanation.tokens.first).decision.get()
            #expect(claims.roles == ["reader"])
            #expect(claims.expiresAt.seconds(since: files.now) == 300)
        }
    }

    @Test("gives the first reason why there is none")
    func refused() async throws {
        let files = try await IssuerFolder()
        let user = try files.pki.certificate(subject("user-svc"))
        let receiver = try files.pki.certificate(subject("search-svc"))
        #expect(try reason(files, files.pki.certificate(subject("x"))) == "service-unknown")
        #expect(
            try reason(files, try TestPKI(name: "Other", now: files.now).certificate(subject("user-svc")))
                == "certificate-untrusted")
        #expect(try reason(files, user, at: files.now.adding(seconds: 3601)) == "certificate-expired")
        #expect(try reason(files, user, "other-svc") == "audience-not-granted")
        #expect(try reason(files, receiver) == "service-receives-only")
        #expect(try reason(files, user) == nil)
    }

    @Test("judges by the revocation list, as the issuer does, and needs none of the issuer's own files")
    func revoked() async throws {
        let files = try await IssuerFolder(crl: true)
        let certificate = try files.pki.certificate(subject("user-svc"))
        for name in ["issuer.pem", "issuer-key.pem", "keys"] {
            try FileManager.default.removeItem(atPath: files.folder.path(name))
        }
        #expect(try reason(files, certificate) == nil)
        try files.folder.write(try files.pki.revocationList([certificate], number: 2).pem, to: "crl.pem")
        #expect(try reason(files, certificate) == "certificate-revoked")
        try FileManager.default.removeItem(atPath: files.folder.path("crl.pem"))
        #expect(throws: TLSError(.sourceMissing, "")) { try explain(files, certificate) }
    }

    @Test("says that the service or the certificate is denied")
    func denied() async throws {
        let files = try await IssuerFolder()
        let certificate = try files.pki.certificate(subject("user-svc"))
        let stored = try #require(try await files.configuration.keys.store.load(unless: nil))
        for (subject, reason) in [
            (KeyRing.Denial.Subject.service("user-svc"), "service-denied"),
            (.publicKey(certificate.publicKey.sha256), "certificate-denied"), (.service("search-svc"), nil),
        ] {
            var ring = stored.ring
            try ring.deny(KeyRing.Denial(subject, since: files.now))
            #expect(try self.reason(files, certificate, ring: ring) == reason)
        }
    }

    private func reason(
        _ files: IssuerFolder, _ certificate: Certificate, _ audience: String? = nil, ring: KeyRing? = nil,
        at now: Timestamp? = nil
    ) throws -> String? {
        let explanation = try explain(files, certificate, audience, ring: ring, at: now)
        if case .failure(let refusal) = explanation.caller {
            return refusal.reason.rawValue
        }
        if case .failure(let refusal)? = explanation.tokens.first?.decision {
            return refusal.reason.rawValue
        }
        return nil
    }

    private func explain(
        _ files: IssuerFolder, _ certificate: Certificate, _ audience: String? = nil, ring: KeyRing? = nil,
        at now: Timestamp? = nil
    ) throws -> PolicyExplanation {
        let configuration = try files.configuration
        return PolicyExplanation(
            of: certificate, intermediates: [], audience: audience, under: configuration,
            trust: try configuration.clientTrust(), ring: ring, at: now ?? files.now
        )
    }
}
