import Countersign
import CountersignTesting
import CryptoExtras
import Foundation
import JWTKit

extension Workload {
    /// The same key and the same claims with what else a Swift service could use.
    static let otherLibraries = [
        Workload("jwt-kit sign") {
            let (keys, claims, kid) = try await jwtKit()
            return { for _ in 0..<$0 { _ = try await keys.sign(claims, kid: kid) } }
        },
        Workload("jwt-kit verify") {
            let keys = try await jwtKit().keys
            let (tokens, turns) = (try Fixture.shared.get().tokens, Turns())
            return { count in
                for number in turns.take(count) {
                    _ = try await keys.verify(tokens[number % tokens.count], as: JWTKitClaims.self)
                }
            }
        },
        Workload("BoringSSL RSA signature") {
            let (key, message) = (try boringKey(), try Fixture.shared.get().signingInput)
            return { for _ in 0..<$0 { _ = try key.signature(for: message, padding: .insecurePKCS1v1_5) } }
        },
        Workload("BoringSSL RSA verification") {
            let (key, message) = (try boringKey(), try Fixture.shared.get().signingInput)
            let signature = try key.signature(for: message, padding: .insecurePKCS1v1_5)
            let publicKey = key.publicKey
            return { count in
                for _ in 0..<count {
                    guard publicKey.isValidSignature(signature, for: message, padding: .insecurePKCS1v1_5) else {
                        throw Unexpected("BoringSSL does not verify")
                    }
                }
            }
        },
    ]

    private static func boringKey() throws -> _RSA.Signing.PrivateKey {
        try _RSA.Signing.PrivateKey(pemRepresentation: pem())
    }

    private static func pem() throws -> String {
        try Fixture.shared.get().issuer.key.pem().withBytes { String(decoding: $0, as: UTF8.self) }
    }

    private static func jwtKit() async throws -> (keys: JWTKeyCollection, claims: JWTKitClaims, kid: JWKIdentifier) {
        let fixture = try Fixture.shared.get()
        let kid = JWKIdentifier(string: fixture.issuer.keyID.rawValue)
        let keys = await JWTKeyCollection().add(
            rsa: try Insecure.RSA.PrivateKey(pem: try pem()), digestAlgorithm: .sha256, kid: kid
        )
        return (keys, try await keys.verify(fixture.tokens[0], as: JWTKitClaims.self), kid)
    }
}

/// The claims of our tokens as jwt-kit wants them written down, with the checks that are a receiver's own there.
private struct JWTKitClaims: JWTPayload {
    struct Binding: Codable, Sendable {
        let certificate: String
        let publicKey: String?
        let holder: String?

        enum CodingKeys: String, CodingKey {
            case certificate = "x5t#S256"
            case publicKey = "spki#S256"
            case holder = "holder#S256"
        }
    }

    let iss: IssuerClaim
    let sub: SubjectClaim
    let clientID: String
    let serviceID: String
    let aud: AudienceClaim
    let roles: [String]
    let scope: String?
    let iat: IssuedAtClaim
    let nbf: NotBeforeClaim
    let exp: ExpirationClaim
    let jti: IDClaim
    let cnf: Binding

    enum CodingKeys: String, CodingKey {
        case iss, sub, aud, roles, scope, iat, nbf, exp, jti, cnf
        case clientID = "client_id"
        case serviceID = "service_id"
    }

    /// A second later: to jwt-kit a token is too new in the second in which it begins.
    private static let now = Date(timeIntervalSince1970: Double(TestClock.now.secondsSince1970 + 1))

    func verify(using _: some JWTAlgorithm) throws {
        guard iss.value == TestIssuer.address else { throw Unexpected("another issuer") }
        try aud.verifyIntendedAudience(includes: "search-svc")
        try nbf.verifyNotBefore(currentDate: Self.now)
        try exp.verifyNotExpired(currentDate: Self.now)
    }
}
