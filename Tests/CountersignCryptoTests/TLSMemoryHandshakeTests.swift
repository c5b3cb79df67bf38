import CountersignCrypto
import CountersignTesting
import Testing

/// Handshakes without a network: full, resumed, refused.
@Suite struct TLSMemoryHandshakeTests {
    private let authority: TestAuthority

    init() throws {
        authority = try TestAuthority(at: .now())
    }

    private func context(
        _ role: TLSContext.Role, of own: TestAuthority, trusting other: TestAuthority
    ) throws -> TLSContext {
        let identity = try own.issue("user-svc")
        return try TLSContext(
            role, chain: [identity.certificate] + identity.intermediates, key: identity.key, anchors: [other.certificate])
    }

    private func run(_ client: TLSContext, _ server: TLSContext, _ session: TLSSession? = nil) throws
        -> TLSMemoryHandshake.Outcome
    {
        // A clock that goes on by one second each time it is looked at.
        var ticks = Duration.zero
        return try TLSMemoryHandshake.run(client: client, server: server, resuming: session) {
            ticks += .seconds(1)
            return ticks
        }
    }

    @Test func aSessionIsResumedOnlyWhenItIsOffered() throws {
        let client = try context(.client, of: authority, trusting: authority)
        let server = try context(.server, of: authority, trusting: authority)
        let first = try run(client, server)
        #expect(!first.isResumed && first.session != nil && first.serverTime > .zero)
        #expect(try !run(client, server).isResumed)
        let second = try run(client, server, first.session)
        #expect(second.isResumed && second.session != nil)
        #expect(try run(client, server, second.session).isResumed)
        // Another server does not know it, and shakes hands in full.
        #expect(try !run(client, context(.server, of: authority, trusting: authority), second.session).isResumed)
    }

    @Test func neitherEndTakesACertificateOfAnotherAuthority() throws {
        let other = try TestAuthority("Other CA", at: .now())
        for (client, server) in [
            (try context(.client, of: authority, trusting: other), try context(.server, of: authority, trusting: authority)),
            (try context(.client, of: other, trusting: authority), try context(.server, of: authority, trusting: authority)),
        ] {
            #expect(throws: CryptoError(.operationFailed, "")) { _ = try run(client, server) }
        }
    }

    @Test func aKeyOfAnotherCertificateIsNotTaken() throws {
        let (one, two) = (try authority.issue("one-svc"), try authority.issue("two-svc"))
        #expect(throws: CryptoError.self) {
            try TLSContext(.client, chain: [one.certificate], key: two.key, anchors: [authority.certificate])
        }
        #expect(throws: CryptoError(.malformedCertificate, "")) {
            try TLSContext(.client, chain: [], key: two.key, anchors: [authority.certificate])
        }
    }
}
