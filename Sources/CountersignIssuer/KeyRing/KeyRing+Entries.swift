public import CountersignCrypto
public import CountersignJOSE

extension KeyRing {
    /// Where a key is in its life.
    public enum State: String, CaseIterable, Hashable, Sendable {
        case announced, signing, retiring, retired, revoked
    }

    /// One key as a list shows it.
    public struct Entry: Hashable, Sendable {
        /// The public key.
        public let jwk: JWK
        /// Where it is in its life.
        public let state: State
        /// When the key was made.
        public let created: Timestamp
        /// Since when it is in this state.
        public let since: Timestamp
        /// When it may leave this state by the passing of time; nil when it never does.
        public let nextChange: Timestamp?
        /// How it came to sign; nil when it never did.
        public let promotion: Promotion?

        /// The name of the key, its RFC 7638 thumbprint.
        public var kid: KeyID { jwk.kid }
    }

    /// Every key of the ring: announced, signing, retiring, retired, revoked.
    public var entries: [Entry] {
        var entries: [Entry] = []
        if let announced {
            entries.append(Entry(announced))
        }
        // A key that is announced takes its place; without one the next rotation does, some time after it begins.
        let replaced = announced?.signsFrom ?? nextRotation.map { $0.adding(seconds: parameters.announceFor) }
        entries.append(Entry(signing, nextChange: replaced))
        entries += retiring.map { Entry($0) }
        entries += retired.map { Entry($0) }
        entries += revoked.map { Entry($0) }
        return entries
    }

    /// The key whose kid begins with these characters.
    ///
    /// - Throws: ``KeyRingError``: `prefixTooShort` below ``shortestPrefix`` characters, `unknownKey`, `ambiguousKey`.
    public func entry(matching prefix: String) throws(KeyRingError) -> Entry {
        guard prefix.utf8.count >= Self.shortestPrefix else {
            throw KeyRingError(
                .prefixTooShort, "\"\(prefix)\" is too short to name a key",
                hint: "give at least the first \(Self.shortestPrefix) characters of the kid"
            )
        }
        let found = entries.filter { $0.kid.rawValue.utf8.starts(with: prefix.utf8) }
        guard let entry = found.first else {
            throw KeyRingError(
                .unknownKey, "no key of the ring begins with \"\(prefix)\"", hint: "keys list shows the keys"
            )
        }
        guard found.count == 1 else {
            throw KeyRingError(
                .ambiguousKey, "\(found.count) keys of the ring begin with \"\(prefix)\"", hint: "give more characters of the kid"
            )
        }
        return entry
    }
}

extension KeyRing.Entry {
    init(_ key: KeyRing.Announced) {
        self.init(
            jwk: key.jwk, state: .announced, created: key.created, since: key.since, nextChange: key.signsFrom, promotion: nil
        )
    }

    init(_ key: KeyRing.Signing, nextChange: Timestamp?) {
        self.init(
            jwk: key.jwk, state: .signing, created: key.created, since: key.since, nextChange: nextChange,
            promotion: key.promotion
        )
    }

    init(_ key: KeyRing.Retiring) {
        let signing = key.signing
        self.init(
            jwk: signing.jwk, state: .retiring, created: signing.created, since: key.since, nextChange: key.retiresFrom,
            promotion: signing.promotion
        )
    }

    init(_ key: KeyRing.Retired) {
        let signing = key.retiring.signing
        self.init(
            jwk: signing.jwk, state: .retired, created: signing.created, since: key.since, nextChange: nil,
            promotion: signing.promotion
        )
    }

    init(_ key: KeyRing.Revoked) {
        let (created, promotion): (Timestamp, KeyRing.Promotion?) =
            switch key.before {
            case .announced(let key): (key.created, nil)
            case .signing(let key): (key.created, key.promotion)
            case .retiring(let key): (key.signing.created, key.signing.promotion)
            case .retired(let key): (key.retiring.signing.created, key.retiring.signing.promotion)
            }
        self.init(
            jwk: key.jwk, state: .revoked, created: created, since: key.since, nextChange: nil, promotion: promotion
        )
    }
}
