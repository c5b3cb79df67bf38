public import CountersignCrypto
internal import CountersignJOSE
internal import Logging
internal import Synchronization

extension SigningKeys {
    /// Takes over what changed in the store and does what is due at this time. What fails is logged and leaves what was.
    ///
    /// - Parameter settling: false leaves what is due by time for later: the clock may be wrong.
    public func reload(at now: Timestamp, settling: Bool = true) async {
        var known = state.withLock { $0.stored }
        do {
            if let changed = try await store.load(unless: known.revision) {
                await take(changed, from: known.revision, at: now)
                known = changed
            }
            resolved(.reading)
        } catch {
            // The status goes old as well, which it must: nobody here knows whether it still holds.
            report(.reading, "the key ring cannot be read; the keys read before stay in force", error)
            // Nothing can be saved either, and what is not read must not be acted upon.
            return
        }
        await readAhead(known, at: now)
        refreshStatus(at: now)
        await noteReceivers(at: now)
        guard settling else {
            return
        }
        do {
            if let settled = try await settle(known, at: now) {
                await take(settled, from: known.revision, at: now)
                report(leftover: settled.leftover)
            }
            resolved(.writing)
        } catch {
            report(.writing, "the key ring cannot be changed; what is due waits", error)
        }
    }

    /// Makes a ring the one in force, unless another one was taken over since `base`: then the next look at the store decides.
    func take(_ stored: StoredKeyRing, from base: KeyRingRevision, at now: Timestamp) async {
        dropSpare(in: stored.ring)
        let signer = await signer(for: stored.ring.signing)
        let (previous, announced) = state.withLock { ($0.stored, $0.next) }
        guard previous.revision == base else {
            return
        }
        do {
            let generation = snapshot.generation + 1
            let snapshot = try Snapshot(
                stored, signer: signer, status: status(of: stored.ring, by: signer, at: now), generation: generation
            )
            let taken = state.withLock { state in
                guard state.stored.revision == base else {
                    return false
                }
                state.stored = stored
                state.snapshot = snapshot
                state.next = announced?.kid == stored.ring.announced?.jwk.kid ? announced : nil
                return true
            }
            resolved(.building)
            if taken {
                log(stored, after: previous)
            }
        } catch {
            report(.building, "the key set cannot be built; the keys read before stay in force", error)
        }
    }

    /// Reads private keys that were not there when they were first looked for, and the announced one before it is needed.
    func readAhead(_ stored: StoredKeyRing, at now: Timestamp) async {
        if snapshot.signer == nil, snapshot.revision == stored.revision.number, await signer(for: stored.ring.signing) != nil {
            await take(stored, from: stored.revision, at: now)
        }
        guard let announced = stored.ring.announced else {
            resolved(.announcedKey)
            return
        }
        if state.withLock({ $0.next?.kid == announced.jwk.kid }) {
            return
        }
        do {
            let signer = TokenSigner(key: try await store.privateKey(for: announced.jwk))
            state.withLock { $0.next = signer }
            resolved(.announcedKey)
        } catch {
            report(.announcedKey, "the announced key cannot sign and is not promoted", error)
        }
    }

    private func signer(for signing: KeyRing.Signing) async -> TokenSigner? {
        let known = state.withLock { [$0.snapshot.signer, $0.next] }
        if let signer = known.compactMap(\.self).first(where: { $0.kid == signing.jwk.kid }) {
            resolved(.signingKey)
            return signer
        }
        do {
            let signer = TokenSigner(key: try await store.privateKey(for: signing.jwk))
            resolved(.signingKey)
            return signer
        } catch {
            report(.signingKey, "no token can be signed: the signing key cannot be had", error)
            return nil
        }
    }
}

extension SigningKeys {
    /// Does what is due, if anything is. Nil when nothing was.
    ///
    /// Of several issuers on a ring exactly one does it: the others' save is refused, and when they look again nothing is due.
    private func settle(_ known: StoredKeyRing, at now: Timestamp) async throws(KeyRingError) -> StoredKeyRing? {
        guard try await due(in: known.ring, at: now) != known.ring || known.ring.isRotationDue(at: now) else {
            return nil
        }
        return try await keeper.update { stored throws(KeyRingError) in
            var ring = try await due(in: stored.ring, at: now)
            if ring.signing.jwk.kid != stored.ring.signing.jwk.kid {
                ring = ring.recordingPromotion(by: .issuer, at: now)
            }
            guard ring.isRotationDue(at: now), ring.published.count < KeyRing.maximumPublished else {
                return KeyRingChange(ring)
            }
            let key = try await rotationKey(for: ring)
            ring = try ring.applying(.announce(JWK(key.publicKey)), at: now)
            return KeyRingChange(
                ring.recording("announced the key \(KeyID(of: key.publicKey)), as scheduled", by: .issuer, at: now), adding: [key]
            )
        }
    }

    /// The ring with everything done that needs no new key. An announced key waits until its private key is here and every
    /// receiver that was seen lately has fetched it.
    private func due(in ring: KeyRing, at now: Timestamp) async throws(KeyRingError) -> KeyRing {
        let (parameters, next) = state.withLock { ($0.parameters, $0.next?.kid) }
        // Another issuer may allow longer tokens than this one, or publish for less time: the longer holds for both.
        let raised = (try? ring.applying(.raise(parameters), at: now)) ?? ring
        var isReady = ring.announced?.jwk.kid == next
        if isReady, raised.isPromotionDue(at: now), let announced = raised.announced {
            try await restoreReceivers(at: now)
            let standing = try await store.standing(of: announced, in: raised, at: now)
            isReady = standing.isComplete
            await reportWaiting(for: announced.jwk.kid, standing, at: now)
        }
        return raised.settled(at: now, promoting: isReady)
    }

    /// A new key. One that could not be saved is used again: making a key is expensive, and a full disk may stay full.
    private func rotationKey(for ring: KeyRing) async throws(KeyRingError) -> RSAPrivateKey {
        dropSpare(in: ring)
        let spare = state.withLock { $0.spare }
        let key = try await makeSigningKey(bitCount: ring.signing.jwk.key.bitCount, unless: spare)
        state.withLock { $0.spare = key }
        return key
    }

    /// A key that the ring has is no spare one, also when its save was said to have failed: a kid is never used twice.
    private func dropSpare(in ring: KeyRing) {
        state.withLock { state in
            if let spare = state.spare, ring.entries.contains(where: { $0.kid == KeyID(of: spare.publicKey) }) {
                state.spare = nil
            }
        }
    }
}

extension SigningKeys {
    func report(_ problem: Problem, _ message: Logger.Message, _ error: KeyRingError) {
        let isNew = state.withLock { $0.problems.updateValue(error.description, forKey: problem) != error.description }
        if isNew {
            logger.error(message, metadata: ["reason": "\(error.code)", "error": "\(error)", "keys": "\(store.location)"])
        }
    }

    /// Removes what a crash left behind, without waiting for another change of the ring. Nothing of it keeps an issuer from starting.
    func clearLeftovers() async {
        do {
            let cleared = try await keeper.clearLeftovers()
            let isKept = state.withLock { $0.stored.ring.parameters.keepsRetiredKeys }
            for kid in cleared.kids {
                logger.notice(
                    isKept ? "put aside the private key of a key that is gone" : "removed the private key of a key that is gone",
                    metadata: ["kid": "\(kid)", "keys": "\(store.location)"])
            }
            report(leftover: cleared.leftover)
        } catch {
            report(.clearing, "what a crash left in the key directory cannot be removed", error)
        }
    }

    private func report(leftover: String?) {
        if let leftover {
            report(.clearing, "a private key is kept longer than it should be", KeyRingError(.notWritten, leftover))
        } else {
            resolved(.clearing)
        }
    }

    func resolved(_ problem: Problem) {
        if state.withLock({ $0.problems.removeValue(forKey: problem) }) != nil {
            logger.notice("a problem with the key ring is gone", metadata: ["keys": "\(store.location)"])
        }
    }

    /// A rotation that waits for receivers is told when it begins to wait and whenever others are waited for.
    private func reportWaiting(for kid: KeyID, _ standing: ReceiverStanding, at now: Timestamp) async {
        let names = standing.waiting.map(\.name)
        let isNew = state.withLock { state in
            defer { state.waitingFor = names }
            return state.waitingFor != names && !names.isEmpty
        }
        if isNew {
            logger.warning(
                "a rotation waits for receivers",
                metadata: ["announced": "\(kid)", "receivers": "\(standing.words(at: now))", "keys": "\(store.location)"]
            )
        }
    }

    func log(_ stored: StoredKeyRing, after previous: StoredKeyRing) {
        let (now, before) = (stored.ring, previous.ring)
        if now.signing.jwk.kid != before.signing.jwk.kid {
            var metadata = metadata(of: stored)
            metadata["promotion"] = "\(now.signing.promotion.rawValue)"
            metadata["before"] = "\(before.signing.jwk.kid)"
            logger.notice("another key signs", metadata: metadata)
        } else if let announced = now.announced, announced.jwk.kid != before.announced?.jwk.kid {
            var metadata = metadata(of: stored)
            metadata["announced"] = "\(announced.jwk.kid)"
            metadata["signsFrom"] = "\(announced.signsFrom)"
            logger.notice("a key is announced", metadata: metadata)
        } else {
            logger.info("key ring changed", metadata: metadata(of: stored))
        }
        // What somebody did, with who and why; what the passing of time did is told above.
        let last = before.history.last?.number ?? 0
        for change in now.history where change.number > last {
            var metadata = metadata(of: stored)
            metadata["who"] = "\(change.who)"
            metadata["what"] = "\(change.what)"
            metadata["at"] = "\(change.at)"
            metadata["why"] = change.why.map { "\($0)" }
            logger.notice("the key ring was changed", metadata: metadata)
        }
    }

    func metadata(of stored: StoredKeyRing) -> Logger.Metadata {
        [
            "kid": "\(stored.ring.signing.jwk.kid)",
            "published": "\(stored.ring.published.count)",
            "revision": "\(stored.revision.number)",
            "keys": "\(store.location)",
        ]
    }
}
