import Countersign
import CountersignJOSE
import Testing

@testable import CountersignIssuer

@Suite("The status document")
struct StatusEndpointTests {
    private static let path = "/.well-known/countersign-status"

    private func keys(_ issuer: RunningIssuer) async throws -> JWKSet {
        try JWKSet(json: Array(try await issuer.ask("/.well-known/jwks.json").body.utf8))
    }

    private func status(_ issuer: RunningIssuer) async throws -> RevocationStatus {
        let answer = try await issuer.ask(Self.path)
        #expect(answer.status == 200)
        return try RevocationStatus(
            verifying: Array(answer.body.utf8), with: try await keys(issuer), issuer: "https://localhost:8443",
            at: issuer.clock.now
        )
    }

    @Test("is signed by the signing key, with an entity tag, its age, and how long it holds")
    func document() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let answer = try await issuer.ask(Self.path)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/countersign-status+jwt")
            #expect(answer.headers["cache-control"] == "max-age=15")
            #expect(answer.headers["age"].flatMap { Int($0) }.map { $0 < 60 } == true)
            let status = try await status(issuer)
            #expect(status.lifetime == 120 && status.poll == 15 && status.number == 0)
            #expect(status.revocations == .none)
            // Signed once and not for each request, as long as it is young: if it was signed anew just then, the next is.
            try await eventually("a document that is still the same") {
                let tag = try #require(try await issuer.ask(Self.path).headers["etag"])
                return try await issuer.ask(Self.path, "-H", "If-None-Match: \(tag)").status == 304
            }
            #expect(try await issuer.ask(Self.path, "-H", "If-None-Match: \"other\"").status == 200)
            #expect(try await issuer.ask(Self.path, "--request", "POST").status == 405)
        }
    }

    @Test("says what was revoked and denied, signed by the key that signs now")
    func revocations() async throws {
        let files = try await IssuerFolder()
        try await RunningIssuer.run(files) { issuer in
            let store = FileKeyRingStore(directory: files.folder.path("keys"))
            let first = try await store.load().ring.signing.jwk.kid
            _ = try await store.revoke(first.rawValue, at: .now())
            _ = try await store.change(.service("user-svc"), isDenied: true, at: .now())
            _ = try await store.change(.serial("0a1b"), isDenied: true, at: .now())
            _ = try await issuer.log.line(with: "denied the serial 0a1b", "who=unnamed")
            let status = try await status(issuer)
            #expect(status.number == 3)
            #expect(status.revocations.keyIDs == [first])
            #expect(status.revocations.services == ["user-svc"])
            #expect(status.revocations.certificateSerials == ["0a1b"])
            let kid = try RevocationStatus.keyID(of: Array(try await issuer.ask(Self.path).body.utf8))
            #expect(kid != first)
        }
    }

    @Test("is the issuer's own rule as well: who is denied gets no token, and gets one again when allowed")
    func deniedAtTheIssuer() async throws {
        let files = try await IssuerFolder()
        try await RunningIssuer.run(files) { issuer in
            let store = FileKeyRingStore(directory: files.folder.path("keys"))
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 200)
            let certificate = files.pki.serviceKey.publicKey.sha256
            for subject in [KeyRing.Denial.Subject.service("user-svc"), .publicKey(certificate)] {
                _ = try await store.change(subject, isDenied: true, at: .now())
                _ = try await issuer.log.line(with: "denied the \(subject)")
                let refused = try await issuer.token(RunningIssuer.goodForm)
                #expect(refused.status == 401)
                #expect(refused.text("error") == "invalid_client")
                _ = try await issuer.log.line(
                    with: "token refused", "reason=\(subject.kind == "service" ? "service" : "certificate")-denied")
                _ = try await store.change(subject, isDenied: false, at: .now())
                _ = try await issuer.log.line(with: "allowed the \(subject) again")
                #expect(try await issuer.token(RunningIssuer.goodForm).status == 200)
            }
        }
    }

    @Test("is not renewed by an issuer that cannot read its ring, and then not served: 503")
    func cutOff() async throws {
        let files = try await IssuerFolder()
        try await RunningIssuer.run(files) { issuer in
            #expect(try await issuer.ask(Self.path).status == 200)
            try files.folder.write("{}", to: "keys/keyring.json")
            _ = try await issuer.log.line(with: "the key ring cannot be read")
            issuer.clock.advance(seconds: 200)
            let answer = try await issuer.ask(Self.path)
            #expect(answer.status == 503)
            #expect(answer.text("code") == "status-unavailable")
            #expect(answer.headers["retry-after"] == "5")
            // Tokens go on: the keys of the last good ring are in force.
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 200)
        }
    }

    @Test("and the key set say who fetched them, admins apart")
    func receivers() async throws {
        let files = try await IssuerFolder()
        try await RunningIssuer.run(files) { issuer in
            let store = FileKeyRingStore(directory: files.folder.path("keys"))
            _ = try await issuer.ask("/.well-known/jwks.json", as: "search-svc", "-H", "Countersign-Instance: one")
            _ = try await issuer.ask(Self.path, as: "search-svc", "-H", "Countersign-Instance: one")
            _ = try await issuer.ask("/.well-known/jwks.json", as: "user-svc", "-H", "Countersign-Instance: not / good")
            let deadline = ContinuousClock.now.advanced(by: .seconds(20))
            while try await store.receivers().sightings.count < 2, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(10))
            }
            let sightings = try await store.receivers().sightings
            #expect(sightings.map(\.name) == ["search-svc", "user-svc"])
            #expect(sightings.map(\.instance) == ["one", ""])
            #expect(sightings.first?.keys == [try await store.load().ring.signing.jwk.kid])
        }
    }
}
