import Testing

@testable import CountersignCrypto
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

    private func known(_ leaf: Certificate) -> KnownChains.Chain? {
        tls.current.trust.knownChains.chain(of: leaf.sha256, at: clock.now())
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
        #expect(known(client) == nil)
        for _ in 0..<2 {
            let peer = try verifier.judge(chain: [client.der])
            #expect(peer.certificate == client)
            #expect(known(client)?.leaf == client)
            let path = try peer.standing(under: tls.current.validator, purpose: .client, at: clock.now()).get()
            #expect(path.certificates == [client, authority.identity.certificate])
        }
    }

    @Test func aChainThatWasRefusedIsNotRemembered() throws {
        let stranger = try ThrowAwayAuthority(name: "Other").issue("user-svc.link.internal").certificate
        for _ in 0..<2 {
            #expect(refusal([stranger]) == "certificate-untrusted")
            #expect(known(stranger) == nil)
        }
    }

    @Test func aRememberedCertificateThatExpiresIsRefused() throws {
        let client = try authority.issue("user-svc.link.internal", until: 1000).certificate
        #expect(refusal([client]) == nil)
        clock.advance(seconds: 1001)
        #expect(known(client) == nil)
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
        #expect(known(client.certificate) == nil)
        #expect(refusal([client.certificate]) == "certificate-revoked")
    }

    @Test func aLeafIsNotKnownWithoutTheIntermediateOfItsPath() throws {
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

    /// To parse a certificate costs as much as a signature to verify.
    @Test func neitherThePathNorAnAuthorityIsParsedAgain() throws {
        let files = try ServerFiles(authority)
        let tls = try files.load()
        let client = try authority.intermediate().issue("user-svc.link.internal")
        let sent = ([client.certificate] + client.intermediates + [authority.identity.certificate]).map(\.der)
        let verifier = ClientVerifier(tls: tls, opened: tls.current, clock: clock.now)
        let known = try verifier.judge(chain: sent).intermediates[0]
        let again = try verifier.judge(chain: sent)
        try #require(again.intermediates.count == 2)
        #expect(again.intermediates[0].handle === known.handle)
        #expect(again.intermediates[1].handle === tls.current.validator.anchors.first?.handle)
    }

    /// Whatever is sent beside the path, the leaf has the one place, and the connection keeps what was sent.
    @Test func whatIsSentBesideThePathTakesNoPlaceAndCostsNoneEither() throws {
        let files = try ServerFiles(authority)
        let tls = try files.load()
        let client = try authority.intermediate().issue("user-svc.link.internal")
        let (leaf, root) = (client.certificate, authority.identity.certificate)
        let middle = try #require(client.intermediates.first)
        let foreign = try ThrowAwayAuthority(name: "Other").issue("padding").certificate
        let verifier = ClientVerifier(tls: tls, opened: tls.current, clock: clock.now)
        let variants = [
            [middle, foreign], [foreign, middle], [middle], [middle, root], [root, middle], [middle, middle], [leaf, middle],
            [middle, leaf], [middle, root, root],
        ]
        for beside in variants {
            let peer = try verifier.judge(chain: ([leaf] + beside).map(\.der))
            #expect(peer.intermediates == beside)
            let chain = try #require(tls.current.trust.knownChains.chain(of: leaf.sha256, at: clock.now()))
            #expect(chain.intermediates == [middle])
            // One that is known is known to lead through what was sent, and is not judged again.
            #expect(chain.isSent(in: ([leaf] + beside).map(\.der)))
            let path = try peer.standing(under: tls.current.validator, purpose: .client, at: clock.now()).get()
            #expect(path.certificates == [leaf, middle, root])
        }
        // As it was before anything was known.
        let error = #expect(throws: ClientVerifier.Refusal.self) {
            try verifier.judge(chain: [leaf.der, middle.der, Array("no certificate".utf8)])
        }
        #expect(error?.code == .certificateMalformed)
        #expect(error?.certificate == leaf)
    }

    @Test func anIntermediateThatIsTrustedItselfNeedNotBeSent() throws {
        let files = try ServerFiles(authority)
        let client = try authority.intermediate().issue("user-svc.link.internal")
        let middle = try #require(client.intermediates.first)
        let both = [authority.identity.certificate, middle].map(\.pem).joined()
        try files.directory.write(Array(both.utf8), to: "ca.pem")
        let tls = try files.load()
        let verifier = ClientVerifier(tls: tls, opened: tls.current, clock: clock.now)
        _ = try verifier.judge(chain: [client.certificate.der])
        let chain = try #require(tls.current.trust.knownChains.chain(of: client.certificate.sha256, at: clock.now()))
        #expect(chain.isSent(in: [client.certificate.der]))
        #expect(chain.path.certificates.count == 3)
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
        let chain = KnownChains.Chain(leaf: client, path: path, anchors: [authority.identity.certificate])
        let chains = KnownChains()
        func leaf(_ number: Int) -> SHA256Digest { SHA256.digest(of: Array("\(number)".utf8)) }
        for number in 0..<KnownChains.capacity + 2 { chains.remember(chain, of: leaf(number)) }
        #expect(chains.chain(of: leaf(0), at: clock.now()) == nil)
        #expect(chains.chain(of: leaf(1), at: clock.now()) == nil)
        #expect(chains.chain(of: leaf(2), at: clock.now()) != nil)
        #expect(chains.chain(of: leaf(KnownChains.capacity + 1), at: clock.now()) != nil)
    }
}
