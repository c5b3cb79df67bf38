import CountersignCrypto
import Testing

@testable import CountersignTLS

/// A chain that was found good is not parsed and validated again, and nobody gets in by that who would not get in otherwise.
@Suite struct KnownChainsTests {
    private let authority: ThrowAwayAuthority
    private let files: ServerFiles
    private let tls: ReloadableTLS
    private let clock = HandClock()

    init() throws {
        authority = try ThrowAwayAuthority()
        files = try ServerFiles(authority, revocationList: authority.revocationList(until: 1800))
        tls = try files.load()
    }

    private var verifier: ClientVerifier { ClientVerifier(tls: tls, opened: tls.current, clock: clock.now) }

    private func known(_ chain: [Certificate]) -> KnownChains.Chain? {
        tls.current.trust.knownChains.chain(KnownChains.Key(sent: chain.map(\.der)), at: clock.now())
    }

    private func refusal(_ chain: [Certificate]) -> String? {
        do throws(ClientVerifier.Refusal) {
            _ = try verifier.judge(chain: chain.map(\.der))
            return nil
        } catch {
            return error.code.rawValue
        }
    }

    @Test func aGoodChainIsRememberedAndAcceptedAgain() throws {
        let client = try authority.issue("user-svc.link.internal").certificate
        #expect(known([client]) == nil)
        for _ in 0..<2 {
            let peer = try verifier.judge(chain: [client.der])
            #expect(peer.certificate == client)
            #expect(known([client])?.leaf == client)
            let path = try peer.standing(under: tls.current.validator, purpose: .client, at: clock.now()).get()
            #expect(path.certificates == [client, authority.identity.certificate])
        }
    }

    @Test func aChainThatWasRefusedIsNotRemembered() throws {
        let stranger = try ThrowAwayAuthority(name: "Other").issue("user-svc.link.internal").certificate
        for _ in 0..<2 {
            #expect(refusal([stranger]) == "certificate-untrusted")
            #expect(known([stranger]) == nil)
        }
    }

    @Test func aRememberedCertificateThatExpiresIsRefused() throws {
        let client = try authority.issue("user-svc.link.internal", until: 1000).certificate
        #expect(refusal([client]) == nil)
        clock.advance(seconds: 1001)
        #expect(known([client]) == nil)
        #expect(refusal([client]) == "certificate-expired")
    }

    @Test func aRememberedChainIsRefusedWhenTheRevocationListHasEnded() throws {
        let client = try authority.issue("user-svc.link.internal").certificate
        #expect(refusal([client]) == nil)
        clock.advance(seconds: 1801)
        #expect(refusal([client]) == "crl-expired")
    }

    @Test func aRememberedCertificateThatIsRevokedIsRefused() throws {
        let client = try authority.issue("user-svc.link.internal")
        #expect(refusal([client.certificate]) == nil)
        try files.directory.write(authority.revocationList([client]), to: "crl.pem", mode: 0o644)
        #expect(try tls.reload(at: clock.now()))
        #expect(known([client.certificate]) == nil)
        #expect(refusal([client.certificate]) == "certificate-revoked")
    }

    @Test func theSameLeafWithoutItsIntermediateIsAnotherChain() throws {
        // Without revocation lists: an intermediate would need one of its own.
        let files = try ServerFiles(authority)
        let tls = try files.load()
        let client = try authority.intermediate().issue("user-svc.link.internal")
        let verifier = ClientVerifier(tls: tls, opened: tls.current, clock: clock.now)
        let sent = ([client.certificate] + client.intermediates).map(\.der)
        _ = try verifier.judge(chain: sent)
        _ = try verifier.judge(chain: sent)
        #expect(throws: ClientVerifier.Refusal.self) { _ = try verifier.judge(chain: [client.certificate.der]) }
        // A session that is resumed sends the leaf alone, and its intermediates are known.
        for _ in 0..<2 { _ = try verifier.judge(resumed: client.certificate.der) }
    }

    @Test func aGoodCertificateWithForeignOnesBehindItIsAcceptedAndNotRemembered() throws {
        let client = try authority.issue("user-svc.link.internal").certificate
        let foreign = try ThrowAwayAuthority(name: "Other").issue("padding").certificate
        for _ in 0..<2 {
            #expect(refusal([client, foreign]) == nil)
            #expect(known([client, foreign]) == nil)
        }
    }

    @Test func aChainIsRememberedInTheOrderOfItsPathAndWithoutRepetitionsOnly() throws {
        let files = try ServerFiles(authority)
        let tls = try files.load()
        let intermediate = try authority.intermediate()
        let client = try intermediate.issue("user-svc.link.internal")
        let (leaf, root) = (client.certificate, authority.identity.certificate)
        let middle = try #require(client.intermediates.first)
        let verifier = ClientVerifier(tls: tls, opened: tls.current, clock: clock.now)
        func isRemembered(_ chain: [Certificate]) throws -> Bool {
            _ = try verifier.judge(chain: chain.map(\.der))
            return tls.current.trust.knownChains.chain(KnownChains.Key(sent: chain.map(\.der)), at: clock.now()) != nil
        }
        #expect(try isRemembered([leaf, middle]))
        #expect(try isRemembered([leaf, middle, root]))
        for beside in [[root, middle], [middle, middle], [leaf, middle], [middle, leaf], [middle, root, root]] {
            #expect(try !isRemembered([leaf] + beside))
        }
    }

    @Test func aChainThatIsTooLongOrTooHeavyIsRefusedUnread() throws {
        let client = try authority.issue("user-svc.link.internal").certificate
        func message(_ sent: [[UInt8]]) -> String? {
            do throws(ClientVerifier.Refusal) {
                _ = try verifier.judge(chain: sent)
                return nil
            } catch {
                #expect(error.code == .certificateMalformed)
                return error.message
            }
        }
        let foreign = try ThrowAwayAuthority(name: "Other").issue("padding").certificate.der
        #expect(message([client.der] + Array(repeating: foreign, count: 8)) == nil)
        #expect(message([client.der] + Array(repeating: foreign, count: 9)) == "the client sent 10 certificates; 9 are read")
        // Zeros are no certificate: what says so has read them.
        let rest = 32 * 1024 - client.der.count
        #expect(message([client.der, Array(repeating: 0, count: rest)])?.contains("bytes") == false)
        #expect(
            message([client.der, Array(repeating: 0, count: rest + 1)])
                == "the certificates the client sent have 32769 bytes; 32768 are read")
    }

    @Test func theMemoryIsBoundedAndTheOldestGoesFirst() throws {
        let client = try authority.issue("user-svc.link.internal").certificate
        let path = try tls.current.validator.validate(client, intermediates: [], purpose: .client, at: clock.now()).get()
        let chain = KnownChains.Chain(leaf: client, intermediates: [], path: path)
        let chains = KnownChains()
        func key(_ number: Int) -> KnownChains.Key { KnownChains.Key(sent: [Array("\(number)".utf8)]) }
        for number in 0..<KnownChains.capacity + 2 { chains.remember(chain, for: key(number)) }
        #expect(chains.chain(key(0), at: clock.now()) == nil)
        #expect(chains.chain(key(1), at: clock.now()) == nil)
        #expect(chains.chain(key(2), at: clock.now()) != nil)
        #expect(chains.chain(key(KnownChains.capacity + 1), at: clock.now()) != nil)
    }
}
