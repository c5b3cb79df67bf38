public import CountersignCrypto
public import CountersignJOSE
internal import Dispatch

/// What ``KeyRingStore/rotate(immediately:force:settling:bitCount:to:by:at:)`` did.
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
    /// The receivers that lack the key that signs now, of those that were seen lately: their callers are refused until they
    /// fetch. For an announced key, those that have yet to fetch it.
    public let lacking: ReceiverStanding
    /// The ring afterwards.
    public let stored: StoredKeyRing
}

/// What ``KeyRingStore/revoke(_:by:at:)`` did.
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
    /// Makes the first ring, with one key that signs at once.
    ///
    /// - Parameter key: the key; nil makes a new one.
    /// - Throws: ``KeyRingError``: `alreadyInitialised`, or why it could not be made.
    public func initialise(
        bitCount: Int = 2048, with key: RSAPrivateKey? = nil, parameters: KeyRingParameters = .standard,
        by author: KeyRing.Author = .unnamed, at now: Timestamp
    ) async throws(KeyRingError) -> StoredKeyRing {
        let made = try await makeSigningKey(bitCount: bitCount, unless: key)
        let ring = KeyRing(firstKey: JWK(made.publicKey), parameters: parameters, at: now)
        return try await save(
            ring.recording("made the ring with the key \(ring.signing.jwk.kid)", by: author, at: now), adding: [made],
            replacing: nil
        )
    }

    /// Starts a rotation: promotes the key of an earlier one if its time has come, and announces a new key. With `immediately`
    /// does all of it: the announced key signs at once, or a new one when none is announced, although receivers may not have
    /// it yet.
    ///
    /// - Parameters:
    ///   - force: promotes the announced key, whatever time and receivers say, and announces none.
    ///   - settling: false leaves what else is due by time for later: the clock may be wrong.
    ///   - bitCount: the size of the new key; nil makes it as large as the one that signs.
    ///   - given: the new key; nil makes one.
    /// - Throws: ``KeyRingError``: `rotationUnderWay` when a key is announced whose time has not come, `receiversWaiting` when
    ///   it has and receivers lack it, both only without `immediately` and `force`; `nothingAnnounced` with `force`;
    ///   `tooManyKeys`; or why the ring could not be read or saved.
    public func rotate(
        immediately: Bool = false, force: Bool = false, settling: Bool = true, bitCount: Int? = nil,
        to given: RSAPrivateKey? = nil,
        by author: KeyRing.Author = .unnamed, at now: Timestamp
    ) async throws(KeyRingError) -> KeyRotation {
        var made = given
        var wasAnnounced = false
        var promoted: KeyID?
        let stored = try await update { stored throws(KeyRingError) in
            var ring = stored.ring
            promoted = nil
            wasAnnounced = (immediately || force) && ring.announced != nil
            if let announced = ring.announced, immediately || force {
                // A key that cannot sign must not be promoted.
                _ = try await privateKey(for: announced.jwk)
                let isLacked = try await !standing(of: announced, in: ring, at: now).isComplete
                ring = try ring.applying(.promoteNow(lackedByReceivers: isLacked), at: now)
                return KeyRingChange(ring.recordingPromotion(by: author, at: now))
            }
            if force {
                throw KeyRingError(
                    .nothingAnnounced, "no key is announced that could be promoted", hint: "keys rotate announces one")
            }
            try await refusePromotion(of: ring, at: now)
            if settling { ring = await settleIfPossible(ring, at: now) }
            if ring.signing.jwk.kid != stored.ring.signing.jwk.kid {
                promoted = ring.signing.jwk.kid
                ring = ring.recordingPromotion(by: author, at: now)
            }
            try ring.refuseAnnouncement()
            let key = try await makeSigningKey(bitCount: bitCount ?? ring.signing.jwk.key.bitCount, unless: made)
            made = key
            ring = try ring.applying(.announce(JWK(key.publicKey)), at: now)
            ring = ring.recording("announced the key \(KeyID(of: key.publicKey))", by: author, at: now)
            if immediately {
                ring = try ring.applying(.promoteNow(lackedByReceivers: false), at: now).recordingPromotion(by: author, at: now)
            }
            return KeyRingChange(ring, adding: [key])
        }
        let ring = stored.ring
        let announced = ring.announced
        let kid = announced?.jwk.kid ?? ring.signing.jwk.kid
        return KeyRotation(
            kid: kid,
            signsFrom: announced?.signsFrom,
            wasAnnounced: wasAnnounced,
            isEmergency: announced == nil && ring.signing.promotion == .emergency,
            promoted: promoted,
            lacking: await known(of: ring).standing(of: kid, at: now, window: ring.parameters.receiverWindow),
            stored: stored
        )
    }

    /// Takes a key out at once. When it was signing, the announced key takes its place, or a new one when none is announced or
    /// its private key cannot be had.
    ///
    /// - Parameter prefix: the kid, or its first ``KeyRing/shortestPrefix`` characters or more.
    /// - Throws: ``KeyRingError``: `unknownKey`, `ambiguousKey`, `prefixTooShort`, `alreadyRevoked`; or why the ring could not
    ///   be read or saved.
    public func revoke(
        _ prefix: String, by author: KeyRing.Author = .unnamed, at now: Timestamp
    ) async throws(KeyRingError) -> KeyRevocation {
        var made: RSAPrivateKey?
        var revoked: KeyRing.Entry?
        let stored = try await update { stored throws(KeyRingError) in
            let ring = stored.ring
            let entry = try ring.entry(matching: prefix)
            revoked = entry
            let what = "revoked the key \(entry.kid), which was \(entry.state.rawValue)"
            let needsKey = entry.state == .signing ? await !canPromote(ring.announced) : false
            guard needsKey else {
                let next = try ring.applying(.revoke(entry.kid, replacement: nil), at: now).recording(what, by: author, at: now)
                return KeyRingChange(entry.state == .signing ? next.recordingPromotion(by: author, at: now) : next)
            }
            let key = try await makeSigningKey(bitCount: ring.signing.jwk.key.bitCount, unless: made)
            made = key
            let next = try ring.applying(.revoke(entry.kid, replacement: JWK(key.publicKey)), at: now)
            return KeyRingChange(
                next.recording(what, by: author, at: now).recordingPromotion(by: author, at: now), adding: [key]
            )
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

    /// Denies a service, a certificate or a key of certificates, or takes a denial back.
    ///
    /// - Parameter notBefore: only for services, and not in the future by more than clocks differ.
    /// - Returns: the ring afterwards.
    /// - Throws: ``KeyRingError``: `tooManyDenials`, `alreadyDenied`, `notDenied`, `wrongDenial`; or why the ring could not be read
    ///   or saved.
    public func change(
        _ denial: KeyRing.Denial.Subject, isDenied: Bool, notBefore: Timestamp? = nil, by author: KeyRing.Author = .unnamed,
        at now: Timestamp
    ) async throws(KeyRingError) -> StoredKeyRing {
        if let notBefore {
            guard denial.kind == "service" else {
                throw KeyRingError(
                    .wrongDenial, "only a service is denied for tokens issued before a moment, not a \(denial.kind)",
                    hint: "leave the moment away: a certificate or key that is denied is denied as a whole"
                )
            }
            guard notBefore <= now.adding(seconds: Self.clockTolerance) else {
                throw KeyRingError(
                    .wrongDenial, "\(notBefore) lies in the future: tokens issued until then would be refused as well",
                    hint: "deny the service without a moment, and take that back when it may have tokens again"
                )
            }
        }
        return try await update { stored throws(KeyRingError) in
            let limit = notBefore.map { ", for tokens issued before \($0)" } ?? ""
            let event: KeyRing.Event =
                isDenied ? .deny(KeyRing.Denial(denial, notBefore: notBefore, since: now)) : .allow(denial)
            let what = isDenied ? "denied the \(denial)\(limit)" : "allowed the \(denial) again"
            return KeyRingChange(try stored.ring.applying(event, at: now).recording(what, by: author, at: now))
        }
    }

    /// By how many seconds the clock of whoever names a moment may be ahead.
    static var clockTolerance: Int64 { 60 }

    /// The ring after what is due by time, without the promotion of a key that could not sign or that receivers lack.
    func settleIfPossible(_ ring: KeyRing, at now: Timestamp) async -> KeyRing {
        guard ring.isPromotionDue(at: now), let announced = ring.announced else {
            return ring.settled(at: now)
        }
        let isSeen = (try? await standing(of: announced, in: ring, at: now).isComplete) ?? false
        let hasKey = await canPromote(announced)
        return ring.settled(at: now, promoting: isSeen && hasKey)
    }

    /// Which receivers have the announced key.
    func standing(
        of announced: KeyRing.Announced, in ring: KeyRing, at now: Timestamp
    ) async throws(KeyRingError) -> ReceiverStanding {
        try await receivers(of: ring).standing(of: announced.jwk.kid, at: now, window: ring.parameters.receiverWindow)
    }

    /// The receivers that count: whoever is denied, is none.
    func receivers(of ring: KeyRing) async throws(KeyRingError) -> Receivers {
        let denied = Set(ring.denials.compactMap { $0.notBefore == nil ? $0.subject : nil })
        return Receivers(try await receivers().sightings.filter { !denied.contains(.service($0.name)) })
    }

    /// The same, or none when they cannot be read: for the report of a change that is done by then, and that is what counts.
    func known(of ring: KeyRing) async -> Receivers {
        (try? await receivers(of: ring)) ?? Receivers()
    }

    /// Refuses to go on from an announced key that receivers lack.
    private func refusePromotion(of ring: KeyRing, at now: Timestamp) async throws(KeyRingError) {
        guard ring.isPromotionDue(at: now), let announced = ring.announced else {
            return
        }
        let standing = try await standing(of: announced, in: ring, at: now)
        guard standing.isComplete else {
            throw KeyRingError(
                .receiversWaiting, "a rotation is under way: \(announced.jwk.kid) is announced; \(standing.words(at: now))",
                hint: "look at those receivers; keys rotate --force promotes it without them, and their callers are refused"
            )
        }
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

extension KeyRing {
    /// The ring with a line about the key that signs now.
    func recordingPromotion(by author: Author, at now: Timestamp) -> KeyRing {
        let how =
            switch signing.promotion {
            case .first, .planned: ""
            case .forced: ", although receivers had not fetched it"
            case .emergency: ", although it had not been announced for its time"
            }
        return recording("promoted the key \(signing.jwk.kid)\(how)", by: author, at: now)
    }
}

extension KeyRing.Author {
    /// Somebody who did not say.
    public static let unnamed = KeyRing.Author("unnamed")
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
