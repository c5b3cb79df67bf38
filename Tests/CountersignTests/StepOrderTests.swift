import Countersign
import CountersignTesting
import Testing

/// The order of the checks is a contract: of two faults in one request, the one that the earlier step finds is the answer,
/// whatever the other is.
@Suite struct StepOrderTests {
    /// One thing that is wrong with a request; the raw value is the reason it is refused for.
    enum Fault: String, CaseIterable, CustomTestStringConvertible {
        case noCertificate = "no-certificate"
        case certificateUntrusted = "certificate-untrusted"
        case certificateRevoked = "certificate-revoked"
        case listExpired = "crl-expired"
        case subjectNotAllowed = "subject-not-allowed"
        case noToken = "no-token"
        case authorizationRepeated = "authorization-repeated"
        case tokenMalformed = "token-malformed"
        case headerType = "header-type"
        case keyUnknown = "key-unknown"
        case keysUnavailable = "keys-unavailable"
        case signatureInvalid = "signature-invalid"
        case audienceMismatch = "audience-mismatch"
        case tokenExpired = "token-expired"
        case subjectMismatch = "subject-mismatch"
        case serviceMismatch = "service-mismatch"
        case bindingMismatch = "binding-mismatch"
        case tokenRevoked = "token-revoked"
        case certificateDenied = "certificate-denied"
        case statusUnavailable = "status-unavailable"
        case roleMissing = "role-missing"

        var step: Reason.Step {
            switch self {
            case .noCertificate: .peer
            case .certificateUntrusted, .certificateRevoked, .listExpired: .chain
            case .subjectNotAllowed: .subject
            case .noToken, .authorizationRepeated, .tokenMalformed: .authorization
            case .headerType, .keyUnknown, .keysUnavailable: .header
            case .signatureInvalid: .signature
            case .audienceMismatch, .tokenExpired, .subjectMismatch: .claims
            case .serviceMismatch: .service
            case .bindingMismatch: .binding
            case .tokenRevoked, .certificateDenied, .statusUnavailable: .revocation
            case .roleMissing: .requirement
            }
        }

        /// Whether a request can have both.
        func goes(with later: Fault) -> Bool {
            switch self {
            case .noCertificate: later.step != .chain && later.step != .subject
            case .noToken: [.keysUnavailable, .certificateDenied, .statusUnavailable, .roleMissing].contains(later)
            default: true
            }
        }

        var testDescription: String { rawValue }
    }

    static let pairs = Fault.allCases.flatMap { earlier in
        Fault.allCases.filter { earlier.step < $0.step && earlier.goes(with: $0) }.map { (earlier, $0) }
    }

    /// A receiver's authority and issuer, and the parts of bad requests: keys are slow to make.
    private struct World {
        let authority: TestAuthority
        /// Of the same name, with another key.
        let impostor: TestAuthority
        let issuer: TestIssuer
        let stranger: TestIssuer
        let other: TestIdentity

        init() throws {
            authority = try TestAuthority()
            impostor = try TestAuthority()
            issuer = try TestIssuer()
            stranger = try TestIssuer()
            other = try authority.issue("user-svc")
        }
    }

    private static let world = Result { try World() }

    /// Knows neither keys nor what is revoked.
    private struct Silence: KeySource, RevocationSource {
        var generation: Generation? { nil }
        func keySet(at now: Timestamp) throws(KeysUnavailable) -> KeySet { throw KeysUnavailable("silence") }
        func revocations(at now: Timestamp) throws(StatusUnavailable) -> Revocations { throw StatusUnavailable("silence") }
    }

    /// The verdict on a request that is good but for these faults: the reason of the refusal, or `nil`.
    private func refusal(_ faults: Set<Fault>) async throws -> Reason? {
        let world = try Self.world.get()
        let has = faults.contains
        let names: [SubjectAlternativeName]? =
            has(.subjectNotAllowed) ? [.uri("spiffe://guests.internal/service/user-svc")] : nil
        let caller = try (has(.certificateUntrusted) ? world.impostor : world.authority).issue("user-svc", names: names)
        let verdict = try await authenticator(for: caller, faults, in: world).authenticate(
            peer: has(.noCertificate) ? nil : caller.peer,
            authorization: try authorization(for: caller, faults, in: world),
            requiring: .role(has(.roleMissing) ? "writer" : "reader"), at: TestClock.now
        )
        guard case .refused(let refusal) = verdict else { return nil }
        return refusal.reason
    }

    private func authenticator(for caller: TestIdentity, _ faults: Set<Fault>, in world: World) throws -> Authenticator {
        let has = faults.contains
        let list = try world.authority.revocationList(
            revoking: has(.certificateRevoked) ? [caller.certificate] : [], until: has(.listExpired) ? -1 : 3600)
        var revocations = Revocations()
        if has(.tokenRevoked) { revocations.tokenIDs = [Self.tokenID] }
        if has(.certificateDenied) { revocations.certificateSerials = [caller.certificate.serialHex] }
        return Authenticator(
            expecting: Expectations(issuer: TestIssuer.address, audiences: ["search-svc"]),
            trust: .authorities(try PathValidator(anchors: [world.authority.certificate], revocationLists: [list])),
            callers: CallerPolicy(rules: [.trustDomain("link.internal")]),
            keys: has(.keysUnavailable) ? Silence() : FixedKeySource(world.issuer.keys),
            revocations: has(.statusUnavailable) ? Silence() : revocations
        )
    }

    private static let tokenID = "the-token"

    private func authorization(for caller: TestIdentity, _ faults: Set<Fault>, in world: World) throws -> [String] {
        let has = faults.contains
        if has(.noToken) { return [] }
        var value = "Bearer \(try token(for: caller, faults, in: world))"
        if has(.tokenMalformed) { value += ".AAAA" }
        return has(.authorizationRepeated) ? [value, value] : [value]
    }

    private func token(for caller: TestIdentity, _ faults: Set<Fault>, in world: World) throws -> String {
        let has = faults.contains
        var claims = world.issuer.claims(
            for: caller, service: has(.serviceMismatch) ? "thief-svc" : "user-svc",
            audience: has(.audienceMismatch) ? "billing-svc" : "search-svc", roles: ["reader"],
            at: TestClock.now.adding(seconds: has(.tokenExpired) ? -300 : 0)
        )
        claims.tokenID = Self.tokenID
        if has(.subjectMismatch) { claims.subject = "other-svc" }
        if has(.bindingMismatch) { claims.confirmation = Confirmation(world.other.certificate, authorityKey: nil) }
        let issuer = has(.keyUnknown) ? world.stranger : world.issuer
        var token = try issuer.token(claims)
        if has(.headerType) {
            let header = #"{"alg":"RS256","kid":"\#(issuer.keyID)","typ":"JWT"}"#
            token = try issuer.token(header: Array(header.utf8), payload: try CompactJWS(Array(token.utf8)).payload)
        }
        if has(.signatureInvalid) {
            let jws = try CompactJWS(Array(token.utf8))
            var signature = jws.signature
            signature[signature.count - 1] ^= 1
            token = "\(String(decoding: jws.signingInput, as: UTF8.self)).\(Base64URL.encode(signature))"
        }
        return token
    }

    @Test func aRequestWithoutAFaultIsAccepted() async throws {
        #expect(try await refusal([]) == nil)
    }

    /// Else a pair with it would prove nothing.
    @Test(arguments: Fault.allCases)
    func eachFaultByItselfIsFoundByItsStep(fault: Fault) async throws {
        let reason = try await refusal([fault])
        #expect(reason?.rawValue == fault.rawValue)
        #expect(reason?.step == fault.step)
    }

    @Test(arguments: pairs)
    func ofTwoFaultsTheEarlierStepsIsTheAnswer(earlier: Fault, later: Fault) async throws {
        #expect(try await refusal([earlier, later])?.rawValue == earlier.rawValue)
    }

    /// Without a certificate there is nothing wrong with it; every other two steps can fail at once.
    @Test func everyTwoStepsThatCanFailAtOnceAreTried() {
        let steps = Reason.Step.allCases
        let tried = Set(Self.pairs.map { [$0.step, $1.step] })
        let all = Set(steps.flatMap { earlier in steps.filter { earlier < $0 }.map { [earlier, $0] } })
        #expect(all.subtracting(tried) == [[.peer, .chain], [.peer, .subject]])
    }
}
