import CountersignJOSE
import CountersignTesting
import Foundation
import Testing

@testable import Countersign

/// What is remembered of a connection must never answer for anything else.
@Suite struct ConnectionMemoryTests {
    let authority: TestAuthority
    let issuer: TestIssuer
    let caller: TestIdentity
    let peer: Peer
    let now = TestClock.now

    init() throws {
        authority = try TestAuthority()
        issuer = try TestIssuer()
        caller = try authority.issue("user-svc")
        peer = caller.peer
    }

    func validator(_ lists: [CertificateRevocationList]? = nil) throws -> PathValidator {
        try PathValidator(anchors: [authority.certificate], revocationLists: lists)
    }

    /// Of three sources, after so many changes of one of them.
    func basis(keys: Int = 0, trust: Int = 0, revocations: Int = 0) throws -> VerdictBasis {
        let (keySource, files, status) = (ChangingKeys(issuer.keys), Files(try validator()), ChangingRevocations())
        let generations = try #require(VerdictBasis.Generations(keySource, .authorities(files), status))
        for _ in 0..<keys { keySource.replace(with: issuer.keys) }
        for _ in 0..<trust { files.replace(with: try validator()) }
        for _ in 0..<revocations { status.replace(with: .none) }
        return try #require(generations.basis(at: now))
    }

    func path() throws -> ValidatedPath {
        try validator().validate(caller.certificate, intermediates: [], purpose: .client, at: now).get()
    }

    func authenticator(
        audience: String = "search-svc",
        keys: (any KeySource)? = nil,
        revocations: any RevocationSource = Revocations.none,
        lists: [CertificateRevocationList]? = nil
    ) throws -> Authenticator {
        Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: [audience]),
            trust: .authorities(try PathValidator(anchors: [authority.certificate], revocationLists: lists)),
            callers: CallerPolicy(rules: [.trustDomain("link.internal")]),
            keys: keys ?? FixedKeySource(issuer.keys),
            revocations: revocations
        )
    }

    func verdict(
        _ authenticator: Authenticator,
        _ token: String,
        from other: Peer? = nil,
        requiring requirement: Requirement = .none,
        at moment: Timestamp? = nil
    ) async -> String {
        let verdict = await authenticator.authenticate(
            peer: other ?? peer, authorization: ["Bearer \(token)"], requiring: requirement, at: moment ?? now
        )
        return switch verdict {
        case .accepted: "accepted"
        case .refused(let refusal): refusal.reason.rawValue
        }
    }

    func token(_ change: (inout TokenClaims) -> Void = { _ in }) throws -> String {
        var claims = issuer.claims(for: caller, service: "user-svc", audience: "search-svc", roles: ["reader"])
        change(&claims)
        return try issuer.token(claims)
    }

    @Test func remembersTheWholeTokenAndNothingLess() async throws {
        let (authenticator, good) = (try authenticator(), try token())
        #expect(await verdict(authenticator, good) == "accepted")
        #expect(await verdict(authenticator, good) == "accepted")
        let last = good.last == "A" ? "Q" : "A"
        #expect(await verdict(authenticator, "\(good.dropLast())\(last)") == "signature-invalid")
        #expect(await verdict(authenticator, "\(good)AA") == "signature-invalid")
        #expect(await verdict(authenticator, String(good.dropLast(2))) == "signature-invalid")
        // With its own signature, and something else under it.
        var parts = good.split(separator: ".").map(String.init)
        let claims = try #require(Base64URL.decode(parts[1]))
        let other = String(decoding: claims, as: UTF8.self).replacingOccurrences(of: "reader", with: "writer")
        parts[1] = Base64URL.encode(Array(other.utf8))
        #expect(parts.joined(separator: ".") != good)
        #expect(await verdict(authenticator, parts.joined(separator: ".")) == "signature-invalid")
        #expect(await verdict(authenticator, good) == "accepted")
    }

    @Test func tellsValuesApartThatEndAlike() async throws {
        let authenticator = try authenticator()
        let (basis, path) = try (self.basis(), self.path())
        let memory = try authenticator.memory(of: peer, authorityKey: nil)
        func remember(_ tokenID: String, for value: String) async throws {
            let token = try token { $0.tokenID = tokenID }
            let verdict = await authenticator.authenticate(peer: peer, authorization: ["Bearer \(token)"], at: now)
            memory.remember(try verdict.get(), for: value, on: basis, while: path)
        }
        try await remember("first", for: "Bearer a.0123456789")
        #expect(memory.caller(for: "Bearer b.0123456789", on: basis, at: now) == nil)
        try await remember("second", for: "Bearer b.0123456789")
        #expect(memory.caller(for: "Bearer a.0123456789", on: basis, at: now)?.tokenID == "first")
        #expect(memory.caller(for: "Bearer b.0123456789", on: basis, at: now)?.tokenID == "second")
    }

    @Test func doesNotAnswerForAnotherCertificate() async throws {
        let (authenticator, good) = (try authenticator(), try token())
        #expect(await verdict(authenticator, good) == "accepted")
        #expect(await verdict(authenticator, good, from: try authority.issue("user-svc").peer) == "binding-mismatch")
        #expect(await verdict(authenticator, good, from: try authority.issue("thief-svc").peer) == "service-mismatch")
    }

    @Test func doesNotAnswerForAnotherKeySet() async throws {
        let keys = ChangingKeys(issuer.keys)
        let (authenticator, good) = (try authenticator(keys: keys), try token())
        #expect(await verdict(authenticator, good) == "accepted")
        keys.replace(with: try TestIssuer().keys)
        #expect(await verdict(authenticator, good) == "key-unknown")
        keys.replace(with: issuer.keys)
        #expect(await verdict(authenticator, good) == "accepted")
    }

    @Test func doesNotAnswerForAnotherPolicyOnTheSameConnection() async throws {
        // All with the same key set, so that only the authenticators differ.
        let (good, keys) = (try token(), FixedKeySource(issuer.keys))
        func authenticator(_ audience: String, _ rule: CallerRule, _ binding: TokenBinding = .strict) throws -> Authenticator {
            Authenticator(
                expecting: Expectations(issuer: TestIssuer.address, audiences: [audience]),
                trust: .authorities(try PathValidator(anchors: [authority.certificate], revocationLists: nil)),
                callers: CallerPolicy(rules: [rule]), keys: keys, binding: binding
            )
        }
        let ours = try authenticator("search-svc", .trustDomain("link.internal"))
        #expect(await verdict(ours, good) == "accepted")
        let billing = try authenticator("billing-svc", .trustDomain("link.internal"))
        #expect(await verdict(billing, good) == "audience-mismatch")
        let stricter = try authenticator("search-svc", .dnsName("admin-svc.link.internal"))
        #expect(await verdict(stricter, good) == "subject-not-allowed")
        #expect(await verdict(ours, good) == "accepted")

        // A token that only a lenient binding accepts, on a connection of the renewed certificate.
        let renewed = try authority.issue("user-svc", key: caller.key).peer
        let lenient = try authenticator("search-svc", .trustDomain("link.internal"), .sameKey)
        #expect(await verdict(lenient, good, from: renewed) == "accepted")
        #expect(await verdict(ours, good, from: renewed) == "binding-mismatch")
    }

    @Test func doesNotAnswerUnderAnotherTrust() async throws {
        let files = Files(try validator())
        let authenticator = Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]), trust: .authorities(files),
            callers: CallerPolicy(rules: [.trustDomain("link.internal")]), keys: FixedKeySource(issuer.keys)
        )
        let good = try token()
        #expect(await verdict(authenticator, good) == "accepted")
        files.replace(with: try validator([try authority.revocationList(revoking: [caller.certificate])]))
        #expect(await verdict(authenticator, good) == "certificate-revoked")
        files.replace(with: try validator())
        #expect(await verdict(authenticator, good) == "accepted")
    }

    @Test(arguments: [true, false])
    func remembersNothingOfSourcesThatDoNotSayWhenTheyChange(saysWhenItChanges: Bool) async throws {
        let keys = ChangingKeys(issuer.keys, saysWhenItChanges: saysWhenItChanges)
        let (authenticator, good) = (try authenticator(keys: keys), try token())
        #expect(await verdict(authenticator, good) == "accepted")
        let first = keys.count()
        #expect(await verdict(authenticator, good) == "accepted")
        #expect(keys.count() == (saysWhenItChanges ? 0 : first))
    }

    /// As a set that has become too old: nothing that was concluded with it is believed, though nothing has changed.
    @Test func doesNotAnswerWhenAStateHasEnded() async throws {
        struct Ending: KeySource {
            let set: KeySet
            let ends: Timestamp
            let generation: Generation?
            func keySet(at now: Timestamp) throws(KeysUnavailable) -> KeySet {
                guard now < ends else { throw KeysUnavailable("too old") }
                return set
            }
        }
        let generation = Generation { .seconds(1) }
        let ends = now.adding(seconds: 10)
        let keys = Ending(set: KeySet(issuer.keys), ends: ends, generation: generation)
        let (authenticator, good) = (try authenticator(keys: keys), try token())
        generation.publish(isNew: true, until: .seconds(2), wallClock: ends)
        #expect(await verdict(authenticator, good) == "accepted")
        #expect(await verdict(authenticator, good, at: ends.adding(seconds: -1)) == "accepted")
        #expect(await verdict(authenticator, good, at: ends) == "keys-unavailable")
    }

    @Test func looksAtTheTimeOnEveryHit() async throws {
        let (authenticator, good) = (try authenticator(), try token())
        #expect(await verdict(authenticator, good) == "accepted")
        #expect(await verdict(authenticator, good, at: now.adding(seconds: 299)) == "accepted")
        #expect(await verdict(authenticator, good, at: now.adding(seconds: 300)) == "token-expired")
        #expect(await verdict(authenticator, good, at: now.adding(seconds: -61)) == "token-not-yet-valid")
        #expect(await verdict(authenticator, good) == "accepted")
    }

    @Test func looksAtRevocationCertificateAndRequirementOnEveryHit() async throws {
        let revocations = ChangingRevocations()
        let lists = [try authority.revocationList(until: 200)]
        let (authenticator, good) = (try authenticator(revocations: revocations, lists: lists), try token())
        #expect(await verdict(authenticator, good, requiring: .role("reader")) == "accepted")
        #expect(await verdict(authenticator, good, requiring: .role("writer")) == "role-missing")
        #expect(await verdict(authenticator, good, at: now.adding(seconds: 201)) == "crl-expired")
        revocations.replace(with: Revocations(services: ["user-svc"]))
        #expect(await verdict(authenticator, good) == "service-revoked")
        revocations.replace(with: .none)
        #expect(await verdict(authenticator, good) == "accepted")
    }

    @Test func isBoundedAndForgetsTheLeastRecentlyUsed() async throws {
        let authenticator = try authenticator()
        let (basis, path) = try (self.basis(), self.path())
        let tokens = try (0...ConnectionMemory.maxTokens).map { number in try token { $0.tokenID = "\(number)" } }
        let memory = ConnectionMemory(
            try CallerPolicy(rules: [.trustDomain("link.internal")]).caller(caller.certificate, authorityKey: nil),
            authorityKey: nil)
        for token in tokens.dropLast() {
            let verdict = await authenticator.authenticate(peer: peer, authorization: ["Bearer \(token)"], at: now)
            memory.remember(try verdict.get(), for: token, on: basis, while: path)
        }
        #expect(memory.caller(for: tokens[0], on: basis, at: now)?.tokenID == "0")
        let last = await authenticator.authenticate(peer: peer, authorization: ["Bearer \(tokens[4])"], at: now)
        memory.remember(try last.get(), for: tokens[4], on: basis, while: path)
        #expect(memory.caller(for: tokens[0], on: basis, at: now)?.tokenID == "0")
        #expect(memory.caller(for: tokens[1], on: basis, at: now) == nil)
        #expect(memory.caller(for: tokens[4], on: basis, at: now)?.tokenID == "4")
        // A later state of any of the three is another basis, and a chain stands for its own time only.
        for later in try [self.basis(keys: 1), self.basis(trust: 1), self.basis(revocations: 1)] {
            #expect(memory.caller(for: tokens[4], on: later, at: now) == nil)
        }
        #expect(memory.caller(for: tokens[4], on: basis, at: path.validUntil.adding(seconds: -1)) != nil)
        #expect(memory.caller(for: tokens[4], on: basis, at: path.validUntil) == nil)
    }

    @Test func isBoundedInBytes() async throws {
        let authenticator = try authenticator()
        let (basis, path) = try (self.basis(), self.path())
        let good = await authenticator.authenticate(peer: peer, authorization: ["Bearer \(try token())"], at: now)
        let caller = try good.get()
        let memory = try authenticator.memory(of: self.caller.peer, authorityKey: nil)
        func value(_ letter: Character, _ count: Int) -> String { String(repeating: letter, count: count) }
        let half = ConnectionMemory.maxBytes / 2
        memory.remember(caller, for: value("a", half), on: basis, while: path)
        memory.remember(caller, for: value("b", half), on: basis, while: path)
        #expect(memory.caller(for: value("a", half), on: basis, at: now) != nil)
        // One byte more than there is room for: the one that was used longest ago goes.
        memory.remember(caller, for: "c", on: basis, while: path)
        #expect(memory.caller(for: value("a", half), on: basis, at: now) != nil)
        #expect(memory.caller(for: value("b", half), on: basis, at: now) == nil)
        #expect(memory.caller(for: "c", on: basis, at: now) != nil)
        // What is larger than all the room is not kept.
        memory.remember(caller, for: value("d", ConnectionMemory.maxBytes + 1), on: basis, while: path)
        #expect(memory.caller(for: value("d", ConnectionMemory.maxBytes + 1), on: basis, at: now) == nil)
        memory.remember(caller, for: value("e", ConnectionMemory.maxBytes), on: basis, while: path)
        #expect(memory.caller(for: value("e", ConnectionMemory.maxBytes), on: basis, at: now) != nil)
    }

    @Test func aFloodOfTokensPushesOutNothingOfAnotherConnection() async throws {
        let keys = ChangingKeys(issuer.keys)
        let (authenticator, good) = (try authenticator(keys: keys), try token())
        let other = caller.peer
        #expect(await verdict(authenticator, good) == "accepted")
        let first = keys.count()
        #expect(await verdict(authenticator, good) == "accepted")
        let again = keys.count()
        #expect(again < first, "a remembered token asks for less")
        for number in 0..<50 {
            let token = try token { $0.tokenID = "\(number)" }
            #expect(await verdict(authenticator, token, from: other) == "accepted")
        }
        _ = keys.count()
        #expect(await verdict(authenticator, good) == "accepted")
        #expect(keys.count() == again)
        #expect(await verdict(authenticator, good, from: other) == "accepted")
        #expect(keys.count() == first)
        // And on its own connection it does, up to its own share.
        for number in 0..<ConnectionMemory.maxTokens {
            #expect(await verdict(authenticator, try token { $0.tokenID = "\(number)" }) == "accepted")
        }
        _ = keys.count()
        #expect(await verdict(authenticator, good) == "accepted")
        #expect(keys.count() == first)
    }

    @Test func doesNotAnswerUnderAnotherAuthority() throws {
        // A chain can come to lead to another authority when the trust files change.
        let (ours, theirs) = (authority.certificate.publicKey.sha256, try TestAuthority().certificate.publicKey.sha256)
        let pinned = Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]),
            trust: .insecureWithoutAuthorities,
            callers: CallerPolicy(rules: [.when(.all([.trustDomain("link.internal"), .issuedBy(publicKeySHA256: ours)]))]),
            keys: FixedKeySource(issuer.keys)
        )
        let memory = try pinned.memory(of: peer, authorityKey: ours)
        #expect(try pinned.memory(of: peer, authorityKey: ours) === memory)
        let refusal = #expect(throws: Refusal.self) { try pinned.memory(of: peer, authorityKey: theirs) }
        #expect(refusal?.reason == .authorityNotAllowed)
        #expect(try pinned.memory(of: peer, authorityKey: ours) === memory)
    }

    /// One connection's requests run on one event loop; nothing here may depend on it. Also for the thread sanitizer.
    @Test func answersManyAtOnceAsItAnswersOne() async throws {
        let keys = ChangingKeys(issuer.keys)
        let authenticator = try authenticator(keys: keys)
        // More tokens than are remembered.
        let tokens = try (0...ConnectionMemory.maxTokens).map { number in try token { $0.tokenID = "\(number)" } }
        let foreign = try token { $0.audience = ["billing-svc"] }
        let thief = try authority.issue("thief-svc").peer
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for round in 0..<20 {
                        #expect(await verdict(authenticator, tokens[(task + round) % tokens.count]) == "accepted")
                        #expect(await verdict(authenticator, foreign) == "audience-mismatch")
                        #expect(await verdict(authenticator, tokens[round % tokens.count], from: thief) == "service-mismatch")
                        if round % 5 == task % 5 { keys.replace(with: issuer.keys) }
                    }
                }
            }
        }
    }

    @Test func remembersNoRefusal() async throws {
        let keys = ChangingKeys(issuer.keys)
        let (authenticator, bad) = (try authenticator(keys: keys), try token { $0.audience = ["billing-svc"] })
        #expect(await verdict(authenticator, bad) == "audience-mismatch")
        let first = keys.count()
        #expect(await verdict(authenticator, bad) == "audience-mismatch")
        #expect(keys.count() == first)
    }

    @Test func goesAwayWithTheConnection() async throws {
        let (authenticator, good) = (try authenticator(), try token())
        weak var forgotten: Peer?
        func connect() async {
            let peer = caller.peer
            forgotten = peer
            #expect(await verdict(authenticator, good, from: peer) == "accepted")
        }
        await connect()
        #expect(forgotten == nil)
    }

    @Test func admitsServicesOfATrustDomainAndNothingElseOfIt() async throws {
        let host = try authority.issue("user-svc", names: [.uri("spiffe://link.internal/host/node1")])
        let token = try issuer.token(for: host, service: "user-svc", audience: "search-svc")
        #expect(await verdict(try authenticator(), token, from: host.peer) == "subject-not-allowed")
    }
}
