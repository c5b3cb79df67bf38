import Countersign
import CountersignTLS
import CountersignTesting
import NIOCore
import NIOPosix
import Testing

/// The servers without Hummingbird of docs/guide/receiver.md, over real connections.
@Suite(.timeLimit(.minutes(2))) struct PlainServerTests {
    @Test func aPlainServerGreetsTheHolderAndNoThief() async throws {
        let authority = try TestAuthority(at: .now())
        let issuer = try TestIssuer()
        let files = try TestDirectory()
        let server = try files.write(authority.issue("search-svc"), as: "server")
        let ca = try files.write(authority.certificate.pem, to: "ca.pem")
        let tls = try ReloadableTLS(
            TLSFiles(certificate: .file(server.certificate), privateKey: .file(server.key), ca: .file(ca)), role: .server,
            at: .now()
        )
        let authenticator = Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]),
            trust: .authorities(FilesInForce(tls: tls)), callers: CallerPolicy(rules: [.trustDomain("link.internal")]),
            keys: FixedKeySource(issuer.keys)
        )
        let plain = try await PlainServer.bind(tls, authenticator, on: MultiThreadedEventLoopGroup.singleton, port: 0)
        let port = try #require(plain.server.channel.localAddress?.port)
        let running = Task { try await plain.run() }
        defer { running.cancel() }

        let (caller, thief) = (try authority.issue("user-svc"), try authority.issue("thief-svc"))
        let token = try issuer.token(for: caller, service: "user-svc", audience: "search-svc", at: .now())
        func greeting(_ identity: TestIdentity, _ token: String) throws -> String {
            let paths = try files.write(identity, as: "client")
            return try Shell.run(
                "timeout",
                [
                    "60", "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-quiet", "-CAfile", ca, "-cert",
                    paths.certificate, "-key",
                    paths.key,
                ],
                input: Array("\(token)\n".utf8)
            ).standardOutput
        }
        #expect(try greeting(caller, token) == "hello user-svc")
        #expect(try greeting(thief, token) == "401")
        #expect(try greeting(caller, "nonsense") == "401")
        #expect(try greeting(TestAuthority(at: .now()).issue("user-svc"), token) == "")
    }

    @Test func aPeerFromDERIsCheckedLikeAnyOther() async throws {
        let (authority, issuer) = (try TestAuthority(), try TestIssuer())
        let caller = try authority.intermediate().issue("user-svc")
        let authenticator = try issuer.authenticator(audience: "search-svc", trusting: authority)
        let token = try issuer.token(for: caller, service: "user-svc", audience: "search-svc")
        func verdict(_ others: [[UInt8]]) async throws -> Reason? {
            let peer = try peer(leaf: caller.certificate.der, others: others)
            let verdict = await authenticator.authenticate(
                peer: peer, authorization: ["Bearer \(token)"], at: TestClock.now)
            if case .refused(let refusal) = verdict { return refusal.reason }
            return nil
        }
        #expect(try await verdict(caller.intermediates.map(\.der)) == nil)
        #expect(try await verdict([])?.rawValue == "certificate-untrusted")
        #expect(throws: CryptoError.self) { try peer(leaf: Array(caller.certificate.der.dropLast()), others: []) }
    }
}
