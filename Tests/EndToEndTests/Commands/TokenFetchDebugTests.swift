import CountersignCrypto
import CountersignTesting
import Foundation
import Testing

/// `countersign token fetch --debug`: the likeliest mistakes, each with the step where it shows and with a hint.
@Suite(.serialized, .runningIssuer) struct TokenFetchDebugTests {
    let issuer: RunningIssuer
    let files: TestDirectory

    init() throws {
        issuer = try #require(RunningIssuer.current)
        files = issuer.folder.files
    }

    private func fetch(_ options: [String: String] = [:]) throws -> Shell.Result {
        var all = [
            "--issuer": "https://127.0.0.1:\(issuer.port)", "--cert": "certs/user-svc/cert.pem",
            "--key": "certs/user-svc/key.pem", "--ca": "certs/ca.pem", "--audience": "search-svc",
        ]
        all.merge(options) { $1 }
        return try Program.run(
            ["token", "fetch", "--debug"] + all.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }, in: files)
    }

    /// - Parameter lines: parts of what stands on standard error, in this order.
    private func expect(
        _ result: Shell.Result, _ exitCode: Int32, saying lines: [String], at location: SourceLocation = #_sourceLocation
    ) {
        #expect(result.exitCode == exitCode, "\(result)", sourceLocation: location)
        var rest = result.standardError[...]
        for line in lines {
            guard let range = rest.range(of: line) else {
                Issue.record("'\(line)' is not in its place in:\n\(result.standardError)", sourceLocation: location)
                return
            }
            rest = rest[range.upperBound...]
        }
        if exitCode != 0 { #expect(!result.hint.isEmpty, "no hint", sourceLocation: location) }
        #expect(!result.standardError.contains("eyJhbGciOi"), "a token in what is shown", sourceLocation: location)
    }

    private func identity(_ name: String, _ identity: TestIdentity) throws -> [String: String] {
        try files.write(identity, as: "certs/\(name)")
        return ["--cert": "certs/\(name)/cert.pem", "--key": "certs/\(name)/key.pem"]
    }

    @Test func showsEveryStepOfWhatGoesWell() throws {
        let result = try fetch()
        expect(
            result, 0,
            saying: [
                "own           CN=user-svc.link.internal", "for TLS clients", "trusted       CN=", "own key       is the key",
                "own path      leads to", "connection    to 127.0.0.1:\(issuer.port)", "server        CN=issuer.link.internal",
                "key sha256/", "verdict       our authorities vouch", "handshake     TLS 1.3, complete",
                "request       POST https://127.0.0.1", "grant_type=client_credentials&audience=search-svc",
                "answer        200, application/json", "clock         agrees", "token         of user-svc for search-svc",
                "to be renewed after",
            ])
        _ = try IssuedToken(result.standardOutput)
    }

    @Test func aWrongCA() throws {
        try files.write(try TestAuthority("Other CA", at: .now()).certificate.pem, to: "other-ca.pem")
        expect(
            try fetch(["--ca": "other-ca.pem"]), 70,
            saying: [
                "own path      does NOT lead", "verdict       we do NOT trust the server, certificate-untrusted",
                "handshake     FAILED",
            ])
    }

    @Test func anExpiredCertificate() throws {
        let expired = try identity("debug-old", issuer.folder.authority.issue("user-svc", until: -60))
        expect(try fetch(expired), 78, saying: [": EXPIRED", "error: the certificate in certs/debug-old/cert.pem expired"])
    }

    @Test func theKeyOfAnotherCertificate() throws {
        expect(
            try fetch(["--key": "certs/search-svc/key.pem"]), 78,
            saying: ["own           CN=user-svc", "error: the private key in"])
    }

    @Test func aCertificateThatIsNotForClients() throws {
        let server = try identity("debug-server", issuer.folder.authority.issue("user-svc", role: .service([.server])))
        expect(try fetch(server), 78, saying: ["for TLS servers", "is not for TLS clients (extended key usage)"])
    }

    @Test func anotherHostName() async throws {
        let folder = issuer.folder
        try files.write(try folder.authority.issue("issuer", names: [.dns(IssuerFolder.host)]), as: "certs/debug-named")
        let other = try await RunningIssuer.start(
            folder, configuration: try folder.configuration("debug-named", replacing: ("certs/issuer/", "certs/debug-named/"))
        )
        expect(
            try fetch(["--issuer": "https://127.0.0.1:\(other.port)"]), 70,
            saying: [
                "names DNS:\(IssuerFolder.host)", "verdict       our authorities vouch",
                "does not have the name that was asked for", "another host name",
            ])
        #expect(try await other.stop() == 0)
    }

    @Test func nobodyThere() async throws {
        let port = try await RawConnection.freePort()
        expect(
            try fetch(["--issuer": "https://127.0.0.1:\(port)"]), 70,
            saying: ["connection    to 127.0.0.1:\(port) FAILED", "nothing listens there"])
    }

    @Test func aServiceThatIsUnknown() throws {
        expect(
            try fetch(["--cert": "certs/stranger-svc/cert.pem", "--key": "certs/stranger-svc/key.pem"]), 1,
            saying: ["handshake     TLS 1.3, complete", "answer        401", "service-unknown"])
    }

    @Test func anAudienceThatIsNotAllowed() throws {
        expect(try fetch(["--audience": "nobody"]), 1, saying: ["audience=nobody", "answer        400", "invalid_target"])
    }

    @Test(.timeLimit(.minutes(2)), arguments: [(3600, "behind"), (-3600, "ahead of")])
    func aClockThatIsWrong(seconds: Int, words: String) async throws {
        let other = try await OddIssuer.start(
            issuer.folder,
            answering: """
                date = email.utils.formatdate(time.time() + \(seconds), usegmt=True)
                body = '{"error":"invalid_target"}'
                head = "HTTP/1.1 400 Bad Request\\r\\nContent-Type: application/json\\r\\nDate: %s\\r\\nContent-Length: %d\\r\\n\\r\\n"
                connection.sendall((head % (date, len(body)) + body).encode())
                """)
        let result = try fetch(["--issuer": other.address])
        expect(
            result, 1,
            saying: ["answer        400", "clock         ours is 3", " s \(words) the issuer's: check time synchronisation"])
        // It ends the first connection without a word, which is no refusal.
        #expect(!result.standardError.contains("REFUSED"), "\(result)")
    }

    @Test func aRefusalThatComesLate() throws {
        let other = try identity("debug-other", TestAuthority(at: .now()).issue("user-svc"))
        expect(
            try fetch(other), 1,
            saying: [
                "own path      does NOT lead", "handshake     TLS 1.3, complete on our side",
                "REFUSED it: with TLS 1.3 the verdict comes late",
                "refused our certificate",
            ])
    }

    /// Later than anybody would wait who does not know that something comes.
    @Test(.timeLimit(.minutes(2))) func aRefusalThatComesMuchLater() async throws {
        let other = try identity("debug-late", TestAuthority(at: .now()).issue("user-svc"))
        let late = try await OddIssuer.hearingLate(issuer.folder, port: issuer.port)
        let began = ContinuousClock.now
        expect(
            try fetch(other.merging(["--issuer": late.address]) { $1 }), 1,
            saying: ["handshake     TLS 1.3, complete on our side", "REFUSED it: with TLS 1.3 the verdict comes late"])
        #expect(ContinuousClock.now - began >= .seconds(1), "nobody was late")
    }
}
