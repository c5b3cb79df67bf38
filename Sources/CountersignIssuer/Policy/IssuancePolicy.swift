public import Countersign
public import CountersignCrypto

/// Everything that decides about a token request besides the request, the certificate and the time.
///
/// Immutable: a changed configuration makes a new policy, which takes the old one's place as a whole.
public struct IssuancePolicy: Sendable {
    /// The `iss` claim.
    public let issuer: String
    /// How long a token lives unless the audience or the request says otherwise, in seconds.
    public let lifetime: Int64
    /// The longest life of any token, in seconds.
    public let maximumLifetime: Int64
    /// Fields that every caller's subject must have.
    public let requiredSubjectFields: [DistinguishedName.AttributeType]
    public let directory: ServiceDirectory
    /// Who may use the admin endpoint.
    public let admins: [CallerCriteria]

    private let resolver = Resolver()

    /// Stands for this policy, and for no other, where connections keep what it found; it holds nothing, so a connection does
    /// not keep an old policy alive.
    private final class Resolver: Sendable {}

    private final class Resolution: Sendable {
        let service: ServiceEntry

        init(_ service: ServiceEntry) {
            self.service = service
        }
    }

    public init(
        issuer: String, lifetime: Int64, maximumLifetime: Int64, requiredSubjectFields: [DistinguishedName.AttributeType],
        directory: ServiceDirectory, admins: [CallerCriteria] = []
    ) {
        self.issuer = issuer
        self.lifetime = lifetime
        self.maximumLifetime = maximumLifetime
        self.requiredSubjectFields = requiredSubjectFields
        self.directory = directory
        self.admins = admins
    }

    /// The service a certificate belongs to.
    ///
    /// Says nothing about the certificate's trust, validity or revocation. Fails closed.
    public func service(for certificate: Certificate) -> Result<ServiceEntry, ServiceRefusal> {
        do {
            let identity = try CertificateIdentity(certificate)
            try identity.requireSubjectFields(requiredSubjectFields)
            return directory.service(for: identity)
        } catch {
            return .failure(ServiceRefusal(error))
        }
    }

    /// The same for the certificate of a connection, looked up once for each: neither it nor the policy ever changes.
    public func service(of peer: Peer) -> Result<ServiceEntry, ServiceRefusal> {
        Result { () throws(ServiceRefusal) in
            try peer.note(by: resolver) { certificate throws(ServiceRefusal) in
                Resolution(try service(for: certificate).get())
            }.service
        }
    }

    /// The life of a token for this audience, in seconds: what was asked for, but never more than is allowed.
    ///
    /// An audience with a lifetime of its own bounds it; otherwise the general maximum does.
    public func lifetime(for grant: AudienceGrant, requested: Int64?) -> Int64 {
        let allowed = min(grant.lifetime ?? maximumLifetime, maximumLifetime)
        return min(requested ?? grant.lifetime ?? lifetime, allowed)
    }
}
