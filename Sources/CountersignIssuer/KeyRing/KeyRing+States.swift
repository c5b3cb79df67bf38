public import CountersignCrypto
public import CountersignJOSE

// Each state holds the one before it, so a retiring key that never signed cannot be written down.
extension KeyRing {
    /// How a key came to sign.
    public enum Promotion: String, CaseIterable, Hashable, Sendable {
        /// The first key of a ring.
        case first
        /// It had been announced for its full time.
        case planned
        /// It had been announced for its full time, and receivers that had not fetched it were not waited for: a decision of an
        /// admin.
        case forced
        /// It signed before receivers could be expected to have it: a decision of an admin, or a replacement of a revoked key.
        case emergency
    }

    /// A key that is published and cannot sign yet.
    public struct Announced: Hashable, Sendable {
        /// The public key.
        public let jwk: JWK
        /// When the key was made.
        public let created: Timestamp
        /// Since when it is published.
        public let since: Timestamp
        /// From when on it may sign.
        public internal(set) var signsFrom: Timestamp
    }

    /// The key that signs.
    public struct Signing: Hashable, Sendable {
        /// The public key.
        public let jwk: JWK
        /// When the key was made.
        public let created: Timestamp
        /// When it was announced; nil for a key that never was.
        public let announced: Timestamp?
        /// Since when it signs.
        public let since: Timestamp
        /// How it came to sign.
        public let promotion: Promotion
        /// How long it stays published once it stops signing, in seconds: the longest that was asked for while it signed.
        public internal(set) var retireAfter: Int64
    }

    /// A key that signed, cannot sign any more and is still published.
    public struct Retiring: Hashable, Sendable {
        /// What it was before.
        public let signing: Signing
        /// When it was told to stop signing.
        public let since: Timestamp
        /// From when on no token of it can be alive.
        public let retiresFrom: Timestamp
    }

    /// A key whose tokens have all expired. It is not published and its private key is destroyed.
    public struct Retired: Hashable, Sendable {
        /// What it was before.
        public let retiring: Retiring
        /// Since when it is retired.
        public let since: Timestamp
    }

    /// A key that was taken out. It is not published and its private key is destroyed.
    public struct Revoked: Hashable, Sendable {
        /// Where the key was when it was revoked.
        public enum Before: Hashable, Sendable {
            case announced(Announced)
            case signing(Signing)
            case retiring(Retiring)
            case retired(Retired)
        }

        /// What it was before.
        public let before: Before
        /// Since when it is revoked.
        public let since: Timestamp

        /// The public key.
        public var jwk: JWK {
            switch before {
            case .announced(let key): key.jwk
            case .signing(let key): key.jwk
            case .retiring(let key): key.signing.jwk
            case .retired(let key): key.retiring.signing.jwk
            }
        }
    }
}
