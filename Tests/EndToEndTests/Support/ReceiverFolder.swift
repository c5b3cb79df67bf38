import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import CountersignTesting
import Testing

/// The files a receiver decides with, and tokens of every kind to decide about: `countersign token verify` needs no issuer.
///
/// Everything happens at ``TestClock/now``.
struct ReceiverFolder: Sendable {
    @TaskLocal static var current: ReceiverFolder?

    let files: TestDirectory
    let authority: TestAuthority
    let issuer: TestIssuer
    let caller: TestIdentity
    let now = TestClock.now

    init() throws {
        files = try TestDirectory()
        authority = try TestAuthority()
        issuer = try TestIssuer()
        caller = try authority.issue("user-svc")
        try files.write(authority.certificate.pem, to: "ca.pem")
        try files.write(try authority.revocationList().pem, to: "crl.pem")
        try files.write(issuer.keys.json, to: "jwks.json")
        try files.write(caller, as: "user-svc")
    }

    /// Runs `countersign token verify -` with the right options, of which some are replaced; `nil` leaves one out.
    func verify(
        _ token: String, _ options: [String: String?] = [:], flags: [String] = []
    ) throws -> Shell.Result {
        var all: [String: String?] = [
            "--jwks": "jwks.json", "--issuer": TestIssuer.address, "--audience": "search-svc",
            "--certificate": "user-svc/cert.pem",
            "--ca": "ca.pem", "--crl": "crl.pem", "--at": "\(now.secondsSince1970)",
        ]
        all.merge(options) { $1 }
        let arguments = all.sorted { $0.key < $1.key }.flatMap { option, value in value.map { [option, $0] } ?? [] }
        return try Program.run(["token", "verify", "-"] + arguments + flags, input: token, in: files)
    }

    /// A good token, after `change` had its way with the claims.
    func token(_ change: (inout TokenClaims) -> Void = { _ in }) throws -> String {
        var claims = issuer.claims(
            for: caller, service: "user-svc", audience: "search-svc", roles: ["reader"], scope: ["search:read"]
        )
        change(&claims)
        return try issuer.token(claims)
    }

    /// A correctly signed token with this header, in which `KID` stands for the right one, and a good payload.
    func token(header: String) throws -> String {
        try issuer.token(
            header: Array(header.replacing("KID", with: issuer.keyID.rawValue).utf8),
            payload: CompactJWS(Array(try token().utf8)).payload
        )
    }

    /// A correctly signed token with a good payload in which `old`, which has to be there, is replaced.
    func token(payload old: String, _ new: String) throws -> String {
        let good = String(decoding: try CompactJWS(Array(try token().utf8)).payload, as: UTF8.self)
        guard good.contains(old) else { throw NotInTime(description: "the payload has no '\(old)': \(good)") }
        return try issuer.token(header: Array(goodHeader.utf8), payload: Array(good.replacing(old, with: new).utf8))
    }

    /// A certificate that names its service, and in its subject nothing else.
    func withoutOrganization() throws -> TestIdentity {
        try authority.issue("user-svc", subject: DistinguishedName([(.commonName, "user-svc.link.internal")]))
    }

    var goodHeader: String { #"{"alg":"RS256","kid":"\#(issuer.keyID)","typ":"at+jwt"}"# }

    /// Writes another certificate and returns its path.
    func certificate(_ name: String, _ identity: TestIdentity) throws -> String {
        try files.write(identity, as: name)
        return "\(name)/cert.pem"
    }
}

/// `ReceiverFolder.current` in every test of the suite.
struct ReceiverScope: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
    ) async throws {
        try await ReceiverFolder.$current.withValue(try ReceiverFolder()) { try await body() }
    }
}

extension Trait where Self == ReceiverScope {
    static var receiverFolder: Self { ReceiverScope() }
}
