/// What has been taken back before its time: keys, tokens, services.
public struct Revocations: Sendable {
    public var keyIDs: Set<KeyID>
    /// `jti` values.
    public var tokenIDs: Set<String>
    public var services: Set<String>

    public init(keyIDs: Set<KeyID> = [], tokenIDs: Set<String> = [], services: Set<String> = []) {
        self.keyIDs = keyIDs
        self.tokenIDs = tokenIDs
        self.services = services
    }

    /// Nothing is revoked.
    public static let none = Revocations()

    /// Step 10.
    func check(_ claims: TokenClaims, keyID: KeyID) throws(Refusal) {
        if keyIDs.contains(keyID) { throw Refusal(.keyRevoked, "the key \(keyID) is revoked") }
        if tokenIDs.contains(claims.tokenID) { throw Refusal(.tokenRevoked, "the token is revoked") }
        if services.contains(claims.serviceID) { throw Refusal(.serviceRevoked, "the service \(claims.serviceID) is revoked") }
    }
}

/// Where revocations come from. Asked on every request, so the answer must be at hand.
public protocol RevocationSource: Sendable {
    func revocations(at now: Timestamp) -> Revocations
}

extension Revocations: RevocationSource {
    public func revocations(at now: Timestamp) -> Revocations { self }
}
