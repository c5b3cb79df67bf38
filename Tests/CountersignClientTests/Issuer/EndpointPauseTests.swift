import CountersignTesting
import Testing

@testable import CountersignClient

/// What an issuer answers to one kind of request, and what becomes of the others.
struct EndpointPauseTests {
    /// A caller that is a receiver as well.
    private struct Site {
        let caller: Caller
        let keys: RemoteKeySource
        let status: RemoteStatusSource

        init(_ addresses: [String] = [World.address], script: @escaping ScriptedTransport.Script) throws {
            caller = try Caller(addresses, script: script)
            keys = RemoteKeySource(caller.tokens.issuer)
            status = RemoteStatusSource(caller.tokens.issuer, keys: keys, expecting: World.address)
        }

        var now: Duration { caller.time.time.elapsed() }

        /// Hosts and last parts of the addresses that were asked.
        var asked: [String] {
            caller.transport.requests.map { request in
                let parts = request.url.split(separator: "/")
                return "\(parts[1].prefix { $0 != "." }) \(parts.last ?? "")"
            }
        }

        func token() async throws -> AccessToken {
            try await caller.time.passing { try await caller.tokens.token(for: "search-svc") }
        }
    }

    private static func notNow(seconds: Int) -> IssuerAnswer {
        World.plain(503, "", [("Retry-After", "\(seconds)")])
    }

    /// The issuer cannot read its key ring: it goes on signing tokens, and has no status that holds.
    @Test(arguments: ["countersign-status", "jwks.json"])
    func aDocumentThatCannotBeHadDoesNotHoldUpTokens(name: String) async throws {
        let good = World.goodScript()
        let site = try Site { request, number throws(TokenError) in
            request.url.hasSuffix(name) ? Self.notNow(seconds: 30) : try await good(request, number)
        }
        @Sendable func fetch() async {
            if name == "jwks.json" { _ = try? await site.keys.fetched(within: .seconds(5)) } else { await site.status.fetch() }
        }
        await fetch()
        let before = site.now
        _ = try await site.token()
        #expect(site.now - before < .seconds(1))
        #expect(site.asked == ["tokens \(name)", "tokens token"])
        // What asked to be left alone is, also after others were answered.
        site.caller.time.advance(by: .seconds(20))
        await fetch()
        #expect(site.asked.count == 2)
        site.caller.time.advance(by: .seconds(20))
        await fetch()
        #expect(site.asked.count == 3)
    }

    /// A service that has had its tokens, and is a receiver as well: what it accepts depends on status and keys.
    @Test func tokensThatCannotBeHadDoNotHoldUpDocuments() async throws {
        let good = Receiver.good(try World.issuer.get().keys)
        let site = try Site { request, number throws(TokenError) in
            request.url.hasSuffix("token") ? Self.notNow(seconds: 200) : try await good(request, number)
        }
        await #expect(throws: TokenError(.temporarilyUnavailable, "")) { try await site.token() }
        _ = try await site.keys.fetched(within: .seconds(5))
        #expect(site.asked == ["tokens token", "tokens jwks.json"])
        await #expect(throws: TokenError(.temporarilyUnavailable, "")) {
            try await site.caller.tokens.token(for: "mail-svc")
        }
        #expect(site.asked.count == 2)
    }

    @Test func theNextAddressIsAskedForWhatTheFirstDoesNotHave() async throws {
        let keySet = Receiver.good(try World.issuer.get().keys)
        let good = World.goodScript()
        let site = try Site(["https://one.internal", "https://two.internal"]) { request, number throws(TokenError) in
            guard request.url.hasSuffix("jwks.json") else { return try await good(request, number) }
            return request.url.hasPrefix("https://one") ? Self.notNow(seconds: 30) : try await keySet(request, number)
        }
        _ = try await site.keys.fetched(within: .seconds(5))
        _ = try await site.token()
        _ = try await site.keys.fetched(within: .seconds(5))
        #expect(site.asked == ["one jwks.json", "two jwks.json", "two token", "two jwks.json"])
    }

    @Test func anAddressThatDoesNotTrustUsIsLeftAloneWhateverIsWanted() async throws {
        let site = try Site { _, _ throws(TokenError) in throw TokenError(.certificateRefused, "expired") }
        await #expect(throws: TokenError(.certificateRefused, "")) { try await site.token() }
        await #expect(throws: TokenError(.certificateRefused, "")) { try await site.keys.fetched(within: .seconds(5)) }
        await site.status.fetch()
        #expect(site.asked == ["tokens token"])
    }
}
