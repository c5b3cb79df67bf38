public import CountersignCrypto
public import CountersignJOSE
internal import Dispatch

/// What ``KeyRingStore/rotate(immediately:bitCount:at:)`` did.
public struct KeyRotation: Sendable {
    /// The key that is announced, or that signs now.
    public let kid: KeyID
    /// From when on it may sign; nil when it signs now.
    public let signsFrom: Timestamp?
    /// Whether it had been announced by an earlier call.
    public let wasAnnounced: Bool
    /// Whether it signs before receivers can be expected to have it.
    public let isEmergency: Bool
    /// The key of an earlier rotation, whose time had come and which was promoted on the way.
    public let promoted: KeyID?
    /// The ring afterwards.
    public let stored: StoredKeyRing
}

/// What ``KeyRingStore/revoke(_:at:)`` did.
public struct KeyRevocation: Sendable {
    /// The key that was taken out, and where it had been.
    public let revoked: KeyRing.Entry
    /// The key that signs in its place; nil when it was not signing.
    public let successor: KeyID?
    /// Whether the successor signs before receivers can be expected to have it.
    public let isEmergency: Bool
    /// The ring afterwards.
    public let stored: StoredKeyRing
}

// What an admin does to a ring. Each call makes the keys it needs, so none belongs on a request's path.
extension KeyRingStore {
    /// Makes the first ring, with one new key that signs at once.
    ///
    /// - Throws: ``KeyRingError``: `alreadyInitialised`, or why it could not be made.
    public func initialise(
        bitCount: Int = 2048, parameters: KeyRingParameters = .standard, at now: Timestamp
    ) async throws(KeyRingError) -> StoredKeyRing {
        let key = try await makeSigningKey(bitCount: bitCount)
        let ring = KeyRing(firstKey: JWK(key.publicKey), parameters: parameters, at: now)
        return try await save(ring, adding: [key], replacing: nil)
    }

    /// Starts a rotation: promotes the key of an earlier one if its time has come, and announces a new key. With `immediately`
    /// does all of it: the announced key signs at once, or a new one when none is announced, although receivers may not have
    /// it yet.
    ///
    /// - Parameter bitCount: the size of the new key; nil makes it as large as the one that signs.
    /// - Throws: ``KeyRingError``: `rotationUnderWay` when a key is announced already and not `immediately`; `tooManyKeys`; or
    ///   why the ring could not be read or saved.
    public func rotate(
        immediately: Bool = false, bitCount: Int? = nil, at now: Timestamp
    ) async throws(KeyRingError) -> KeyRotation {
        var made: RSAPrivateKey?
        var wasAnnounced = false
        var promoted: KeyID?
        let stored = try await update { stored throws(KeyRingError) in
            var ring = stored.ring
            wasAnnounced = immediately && ring.announced != nil
            if wasAnnounced, let announced = ring.announced {
                // A key that cannot sign must not be promoted.
                _ = try await privateKey(for: announced.jwk)
                return KeyRingChange(try ring.applying(.promoteNow, at: now))
            }
            ring = await settleIfPossible(ring, at: now)
            promoted = ring.signing.jwk.kid == stored.ring.signing.jwk.kid ? nil : ring.signing.jwk.kid
            try ring.refuseAnnouncement()
            let key = try await makeSigningKey(bitCount: bitCount ?? ring.signing.jwk.key.bitCount, unless: made)
            made = key
            ring = try ring.applying(.announce(JWK(key.publicKey)), at: now)
            if immediately {
                ring = try ring.applying(.promoteNow, at: now)
            }
            return KeyRingChange(ring, adding: [key])
        }
        let announced = stored.ring.announced
        return KeyRotation(
            kid: announced?.jwk.kid ?? stored.ring.signing.jwk.kid,
            signsFrom: announced?.signsFrom,
            wasAnnounced: wasAnnounced,
            isEmergency: announced == nil && stored.ring.signing.promotion == .emergency,
            promoted: promoted,
            stored: stored
        )
    }

    /// Takes a key out at once. When it was signing, the announced key takes its place, or a new one when none is announced or
    /// its private key cannot be had.
    ///
    /// - Parameter prefix: the kid, or its first ``KeyRing/shortestPrefix`` characters or more.
    /// - Throws: ``KeyRingError``: `unknownKey`, `ambiguousKey`, `prefixTooShort`, `alreadyRevoked`; or why the ring could not
    ///   be read or saved.
    public func revoke(_ prefix: String, at now: Timestamp) async throws(KeyRingError) -> KeyRevocation {
        var made: RSAPrivateKey?
        var revoked: KeyRing.Entry?
        let stored = try await update { stored throws(KeyRingError) in
            let ring = stored.ring
            let entry = try ring.entry(matching: prefix)
            revoked = entry
            let needsKey = entry.state == .signing ? await !canPromote(ring.announced) : false
            guard needsKey else {
                return KeyRingChange(try ring.applying(.revoke(entry.kid, replacement: nil), at: now))
            }
            let key = try await makeSigningKey(bitCount: ring.signing.jwk.key.bitCount, unless: made)
            made = key
            let next = try ring.applying(.revoke(entry.kid, replacement: JWK(key.publicKey)), at: now)
            return KeyRingChange(next, adding: [key])
        }
        guard let revoked else {
            throw KeyRingError(.conflict, "\(location): the key ring was not changed")
        }
        let wasSigning = revoked.state == .signing
        return KeyRevocation(
            revoked: revoked,
            successor: wasSigning ? stored.ring.signing.jwk.kid : nil,
            isEmergency: wasSigning && stored.ring.signing.promotion == .emergency,
            stored: stored
        )
    }

    /// The ring after what is due by time, without the promotion of a key that could not sign.
    func settleIfPossible(_ ring: KeyRing, at now: Timestamp) async -> KeyRing {
        guard ring.isPromotionDue(at: now) else {
            return ring.settled(at: now)
        }
        return ring.settled(at: now, promoting: await canPromote(ring.announced))
    }

    private func canPromote(_ announced: KeyRing.Announced?) async -> Bool {
        guard let announced else {
            return false
        }
        do {
            _ = try await privateKey(for: announced.jwk)
            return true
        } catch {
            return false
        }
    }
}

/// Makes a signing key where it blocks nobody; the second time round, the one already made.
func makeSigningKey(bitCount: Int, unless made: RSAPrivateKey? = nil) async throws(KeyRingError) -> RSAPrivateKey {
    if let made {
        return made
    }
    let result: Result<RSAPrivateKey, CryptoError> = await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
            do throws(CryptoError) {
                var key = try RSAPrivateKey.generate(bitCount: bitCount)
                // One identifier in 64 begins with a hyphen, which on a command line looks like an option.
                while KeyID(of: key.publicKey).rawValue.hasPrefix("-") {
                    key = try RSAPrivateKey.generate(bitCount: bitCount)
                }
                continuation.resume(returning: .success(key))
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
    }
    do {
        return try result.get()
    } catch {
        throw KeyRingError(.keyGeneration, "no signing key could be made: \(error.message)")
    }
}
