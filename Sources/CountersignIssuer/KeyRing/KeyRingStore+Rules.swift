internal import CountersignCrypto
internal import CountersignJOSE

// What every store checks before it saves.

extension StoredKeyRing? {
    /// Refuses a change that was made from another ring than the one that is there.
    func refuse(unless expected: KeyRingRevision?, at location: String) throws(KeyRingError) {
        switch (self, expected) {
        case (nil, nil):
            return
        case (.some, nil):
            throw KeyRingError(
                .alreadyInitialised, "\(location) holds a key ring already",
                hint: "countersign keys list --keys \(location) shows it; keys rotate gives it a new key"
            )
        case (nil, .some):
            throw KeyRingError(.conflict, "\(location): the key ring was removed while it was being changed")
        case (.some(let stored), .some(let expected)):
            guard stored.revision == expected else {
                throw KeyRingError(
                    .conflict,
                    "\(location): the key ring is at revision \(stored.revision.number); "
                        + "the change was made from \(expected.number)"
                )
            }
        }
    }
}

extension KeyRing {
    /// Refuses keys that are new in this ring and whose private keys are nowhere.
    func refuseNewKeys(
        since before: KeyRing?, unless isThere: (KeyID) throws(KeyRingError) -> Bool
    ) throws(KeyRingError) {
        let known = Set(before?.entries.map(\.kid) ?? [])
        for entry in entries where !known.contains(entry.kid) {
            guard try isThere(entry.kid) else {
                throw KeyRingError(.privateKeyMissing, "the private key of the new key \(entry.kid) was not given")
            }
        }
    }

    /// The keys that can never sign again and are not published: their private keys are to be destroyed.
    var keysWithoutPrivateKey: [KeyID] {
        entries.filter { $0.state == .retired || $0.state == .revoked }.map(\.kid)
    }
}

extension [RSAPrivateKey] {
    /// The keys by their names.
    func keyed() throws(KeyRingError) -> [KeyID: RSAPrivateKey] {
        var keys: [KeyID: RSAPrivateKey] = [:]
        for key in self {
            keys[JWK(key.publicKey).kid] = key
        }
        return keys
    }
}
