/// What has been taken back before its time: keys, tokens, services, certificates.
public struct Revocations: Sendable, Hashable {
    public var keyIDs: Set<KeyID>
    /// `jti` values.
    public var tokenIDs: Set<String>
    /// Services whose tokens are all refused.
    public var services: Set<String>
    /// Services whose tokens are refused when they were issued before this moment.
    public var servicesNotBefore: [String: Timestamp]
    /// Serial numbers of certificates, as ``Certificate/serialHex`` writes them.
    public var certificateSerials: Set<String>
    /// Digests of the public keys of certificates, as ``PublicKey/sha256`` has them.
    public var publicKeys: Set<SHA256Digest>

    public init(
        keyIDs: Set<KeyID> = [], tokenIDs: Set<String> = [], services: Set<String> = [],
        servicesNotBefore: [String: Timestamp] = [:], certificateSerials: Set<String> = [],
        publicKeys: Set<SHA256Digest> = []
    ) {
        self.keyIDs = keyIDs
        self.tokenIDs = tokenIDs
        self.services = services
        self.servicesNotBefore = servicesNotBefore
        self.certificateSerials = certificateSerials
        self.publicKeys = publicKeys
    }

    /// Nothing is revoked.
    public static let none = Revocations()

    /// Whether a certificate is denied, by its serial number or by its key.
    public func deny(_ certificate: Certificate) -> Bool {
        (!certificateSerials.isEmpty && certificateSerials.contains(certificate.serialHex))
            || (!publicKeys.isEmpty && publicKeys.contains(certificate.publicKey.sha256))
    }

    /// Step 10.
    func check(_ claims: TokenClaims, signedBy keyID: KeyID, _ certificate: Certificate) throws(Refusal) {
        let service = claims.serviceID
        if keyIDs.contains(keyID) { throw Refusal(.keyRevoked, "the key \(keyID) is revoked") }
        if tokenIDs.contains(claims.tokenID) { throw Refusal(.tokenRevoked, "the token is revoked") }
        if services.contains(service) { throw Refusal(.serviceRevoked, "the service \(service) is revoked") }
        if let notBefore = servicesNotBefore[service], claims.issuedAt < notBefore {
            throw Refusal(.serviceRevoked, "tokens of \(service) from before \(notBefore) are revoked")
        }
        if deny(certificate) {
            throw Refusal(.certificateDenied, "the certificate \(certificate.serialHex) is denied")
        }
    }
}

/// Where revocations come from. Asked for every token that is not remembered, so the answer must be at hand.
public protocol RevocationSource: Sendable {
    /// What is revoked now.
    ///
    /// - Throws: ``StatusUnavailable`` when nobody knows and the source is to fail closed; the request is answered 503.
    func revocations(at now: Timestamp) throws(StatusUnavailable) -> Revocations

    /// Advanced whenever something else is revoked; always the same object, asked for once.
    ///
    /// What was found out about a token is remembered for as long as it does not advance. A source whose answer ends by itself,
    /// for instance because it is too old, makes it with ``Generation/init(elapsed:)`` and publishes that end: until then what
    /// is remembered is believed without asking. `nil`, the default, is for a source that cannot say when it changes: then
    /// nothing is remembered, and every token is checked in full.
    var generation: Generation? { get }
}

extension RevocationSource {
    public var generation: Generation? { nil }
}

extension Revocations: RevocationSource {
    public func revocations(at now: Timestamp) -> Revocations { self }

    /// A value never changes.
    public var generation: Generation? { Generation() }
}

/// What is revoked cannot be had: the answer is "cannot know", not "no".
public struct StatusUnavailable: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: what was tried, and what came of it.
    public let message: String

    public init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}
