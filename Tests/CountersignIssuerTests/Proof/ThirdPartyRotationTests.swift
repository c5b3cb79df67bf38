import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import Foundation
import Testing

@testable import CountersignIssuer

/// PyJWT, which shares no line with us, as a receiver whose clock the test sets.
private enum PyJWT {
    /// Debian's packages python3-jwt and python3-cryptography.
    private static let python = "/usr/bin/python3"

    /// Where tests run unattended they must not be passed over for want of a package.
    static func isExpected() async throws -> Bool {
        if ProcessInfo.processInfo.environment["CI"] != nil { return true }
        return try await Command.run([python, "-c", "import jwt, cryptography"]).exitCode == 0
    }

    /// One verdict a line, on one token by one published key set at one moment: `accepted`, or the name of the error. The clock of
    /// the receiver may be a minute behind the issuer's.
    private static let script = """
        import datetime, json, sys
        import jwt, jwt.api_jwt

        class Clock(datetime.datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.datetime.fromtimestamp(moment, tz)

        jwt.api_jwt.datetime = Clock

        def verdict(token, keys):
            kid = jwt.get_unverified_header(token)["kid"]
            found = [key for key in jwt.PyJWKSet.from_json(keys).keys if key.key_id == kid]
            if len(found) != 1:
                return "no such key"
            try:
                required = ["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]
                jwt.decode(
                    token, found[0].key, algorithms=["RS256"], issuer="https://tokens.link.internal:8443",
                    audience="search-svc", leeway=60, options={"require": required}
                )
                return "accepted"
            except jwt.PyJWTError as error:
                return type(error).__name__

        for token, keys, moment in json.load(sys.stdin):
            print(verdict(token, keys))
        """

    struct Question {
        let token: String
        let keys: [UInt8]
        let moment: Timestamp
    }

    static func verdicts(on questions: [Question]) async throws -> [String] {
        let list = questions.map {
            JSONValue.array([
                .string($0.token), .string(String(decoding: $0.keys, as: UTF8.self)), .integer($0.moment.secondsSince1970),
            ])
        }
        let input = String(decoding: try JSONWriter.bytes(.array(list)), as: UTF8.self)
        let (exitCode, output) = try await Command.run([python, "-c", script], input: input)
        try #require(exitCode == 0, "\(output)")
        return output.split(separator: "\n").map(String.init)
    }
}

@Suite(
    "A rotation as another library sees it",
    .enabled("install python3-jwt and python3-cryptography to run these") { try await PyJWT.isExpected() }
)
struct ThirdPartyRotationTests {
    private static let life: Int64 = 900
    private static let announceFor: Int64 = 600

    private static func token(by issuer: SigningKeys, at now: Timestamp) throws -> String {
        let certificate = try TestPKI.shared.get().certificate(subject("user-svc"))
        let claims = TokenClaims(
            issuer: "https://tokens.link.internal:8443", serviceID: "user-svc", audience: "search-svc", roles: ["reader"],
            issuedAt: now, expiresAt: now + life, tokenID: "\(now)", confirmation: Confirmation(certificate, authorityKey: nil)
        )
        return try #require(issuer.snapshot.signer).token(for: claims)
    }

    @Test("Tokens from before a promotion verify with the key set of every moment until they expire, then their key goes")
    func wholeRotation() async throws {
        let retireAfter = KeyRingParameters.retireAfter(longestTokenLifetime: Self.life)
        let parameters = try KeyRingParameters(announceFor: Self.announceFor, retireAfter: retireAfter, rotateEvery: 0)
        let store = MemoryKeyRingStore()
        let old = try await store.initialise(with: RingKeys.privateKey(0), parameters: parameters, at: ringStart).ring.signing.jwk
            .kid
        let issuer = try await SigningKeys(
            store: store, parameters: parameters, logger: LogRecorder().logger(), clock: { ringStart })
        var questions: [PyJWT.Question] = []
        var expected: [String] = []
        func ask(_ token: String, _ moment: Timestamp, _ verdict: String) {
            questions.append(.init(token: token, keys: issuer.snapshot.jwks, moment: moment))
            expected.append(verdict)
        }

        // With the longest life: signed before the announcement, and in the last second before the promotion.
        let first = try Self.token(by: issuer, at: ringStart)
        ask(first, ringStart, "accepted")
        let announcement = ringStart + 1
        let new = try await store.rotate(to: RingKeys.privateKey(1), at: announcement).kid
        await issuer.reload(at: announcement)
        #expect(issuer.snapshot.announcedKeyID == new)
        ask(first, announcement, "accepted")
        let promotion = announcement + Self.announceFor
        let last = try Self.token(by: issuer, at: promotion + -1)

        let (firstEnd, lastEnd) = (ringStart + Self.life, promotion + -1 + Self.life)
        let retirement = promotion + retireAfter
        // A minute after its end is the last at which a receiver may still take a token for valid.
        for (moment, signing, ofFirst, ofLast) in [
            (promotion + -1, old, "accepted", "accepted"),
            (promotion, new, "accepted", "accepted"),
            (firstEnd + 59, new, "accepted", "accepted"),
            (firstEnd + 60, new, "ExpiredSignatureError", "accepted"),
            (lastEnd + 59, new, "ExpiredSignatureError", "accepted"),
            (retirement + -1, new, "ExpiredSignatureError", "ExpiredSignatureError"),
            (retirement, new, "no such key", "no such key"),
        ] {
            await issuer.reload(at: moment)
            #expect(issuer.snapshot.signingKeyID == signing, "\(moment)")
            ask(first, moment, ofFirst)
            ask(last, moment, ofLast)
            // What is signed now is good for those who fetch the key set now.
            ask(try Self.token(by: issuer, at: moment), moment, "accepted")
        }
        #expect(try await PyJWT.verdicts(on: questions) == expected)
        #expect(try JWKSet(json: issuer.snapshot.jwks).keys.map(\.kid) == [new])
    }
}
