public import Countersign

/// One service of the policy: which certificates are its own and what it may ask for.
public struct ServiceEntry: Sendable {
    /// The service's name in tokens, `[A-Za-z0-9._-]{1,128}`.
    public let id: String
    /// What a certificate has to say to be this service's.
    public let criteria: CallerCriteria
    /// The tokens it may ask for, by audience. Empty for a service that only receives.
    public let audiences: [String: AudienceGrant]
    /// How many tokens it may have; `nil` for as many as it asks for.
    public let rate: TokenRate?
    /// Where it stands in the configuration file; `nil` when it does not come from one.
    public let line: Int?

    public init(
        id: String, criteria: CallerCriteria, audiences: [AudienceGrant], rate: TokenRate? = nil, line: Int? = nil
    ) {
        self.id = id
        self.rate = rate
        self.criteria = criteria
        self.audiences = Dictionary(audiences.map { ($0.audience, $0) }, uniquingKeysWith: { first, _ in first })
        self.line = line
    }
}

/// What a service may do at one audience.
public struct AudienceGrant: Hashable, Sendable {
    /// The `aud` claim: printable ASCII, at most 256 bytes.
    public let audience: String
    /// The `roles` claim: sorted by bytes, without repetition.
    public let roles: [String]
    /// The scopes that may be asked for, in the order of the configuration, without repetition.
    public let scopes: [String]
    /// How long tokens for this audience live, in seconds, and the most that can be asked for; `nil` for the general bounds.
    public let lifetime: Int64?

    public init(audience: String, roles: [String] = [], scopes: [String] = [], lifetime: Int64? = nil) {
        self.audience = audience
        self.roles = Set(roles).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        var seen = Set<String>()
        self.scopes = scopes.filter { seen.insert($0).inserted }
        self.lifetime = lifetime
    }
}
