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

/// Where revocations come from. Asked on every request, so the answer must be at hand.
public protocol RevocationSource: Sendable {
    /// What is revoked now.
    ///
    /// - Throws: ``StatusUnavailable`` when nobody knows and the source is to fail closed; the request is answered 503.
    func revocations(at now: Timestamp) throws(StatusUnavailable) -> Revocations

    /// A number for what is revoked at `now`: another one after every change, and never an earlier one again. `nil` when there
    /// is none to be had, also when ``revocations(at:)`` would throw.
    ///
    /// What was found out about a token is remembered under this number. A change must be in force before its number is.
    /// Cheap: no lock, no wait. The default is `nil`: then nothing is remembered, and every token is checked in full.
    func generation(at now: Timestamp) -> UInt64?
}

extension RevocationSource {
    public func generation(at now: Timestamp) -> UInt64? { nil }
}

extension Revocations: RevocationSource {
    public func revocations(at now: Timestamp) -> Revocations { self }

    public func generation(at now: Timestamp) -> UInt64? { 0 }
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
