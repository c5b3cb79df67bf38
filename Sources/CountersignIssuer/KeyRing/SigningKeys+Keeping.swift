public import CountersignCrypto
internal import CountersignJOSE
internal import Logging
internal import Synchronization

extension SigningKeys {
    /// Takes over what changed in the store and does what is due at this time. What fails is logged and leaves what was.
    public func reload(at now: Timestamp) async {
        var known = state.withLock { $0.stored }
        do {
            if let changed = try await store.load(unless: known.revision) {
                await take(changed, from: known.revision)
                known = changed
            }
            resolved(.reading)
        } catch {
            report(.reading, "the key ring cannot be read; the keys read before stay in force", error)
            // Nothing can be saved either, and what is not read must not be acted upon.
            return
        }
        await readAhead(known)
        do {
            if let settled = try await settle(known, at: now) {
                await take(settled, from: known.revision)
            }
            resolved(.writing)
        } catch {
            report(.writing, "the key ring cannot be changed; what is due waits", error)
        }
    }

    /// Makes a ring the one in force, unless another one was taken over since `base`: then the next look at the store decides.
    func take(_ stored: StoredKeyRing, from base: KeyRingRevision) async {
        let signer = await signer(for: stored.ring.signing)
        let (previous, announced) = state.withLock { ($0.stored, $0.next) }
        guard previous.revision == base else {
            return
        }
        do {
            let generation = snapshot.generation + 1
            let snapshot = try Snapshot(stored, signer: signer, generation: generation)
            let taken = state.withLock { state in
                guard state.stored.revision == base else {
                    return false
                }
                state.stored = stored
                state.snapshot = snapshot
                state.next = announced?.kid == stored.ring.announced?.jwk.kid ? announced : nil
                return true
            }
            if taken {
                log(stored, after: previous)
            }
        } catch {
            report(.reading, "the key set cannot be built; the keys read before stay in force", error)
        }
    }

    /// Reads private keys that were not there when they were first looked for, and the announced one before it is needed.
    func readAhead(_ stored: StoredKeyRing) async {
        if snapshot.signer == nil, snapshot.revision == stored.revision.number {
            await take(stored, from: stored.revision)
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
    private func settle(_ known: StoredKeyRing, at now: Timestamp) async throws(KeyRingError) -> StoredKeyRing? {
        guard due(in: known.ring, at: now) != known.ring || known.ring.isRotationDue(at: now) else {
            return nil
        }
        let settled = try await store.update { stored throws(KeyRingError) in
            let ring = due(in: stored.ring, at: now)
            guard ring.isRotationDue(at: now), ring.published.count < KeyRing.maximumPublished else {
                return KeyRingChange(ring)
            }
            let key = try await rotationKey(bitCount: ring.signing.jwk.key.bitCount)
            return KeyRingChange(try ring.applying(.announce(JWK(key.publicKey)), at: now), adding: [key])
        }
        if let announced = settled.ring.announced {
            state.withLock { state in
                if let spare = state.spare, JWK(spare.publicKey).kid == announced.jwk.kid {
                    state.spare = nil
                }
            }
        }
        return settled
    }

    /// The ring with everything done that needs no new key.
    private func due(in ring: KeyRing, at now: Timestamp) -> KeyRing {
        let (parameters, next) = state.withLock { ($0.parameters, $0.next?.kid) }
        // Another issuer may allow longer tokens than this one, or publish for less time: the longer holds for both.
        let raised = (try? ring.applying(.raise(parameters), at: now)) ?? ring
        return raised.settled(at: now, promoting: ring.announced?.jwk.kid == next)
    }

    /// A new key. One that could not be saved is used again: making a key is expensive, and a full disk may stay full.
    private func rotationKey(bitCount: Int) async throws(KeyRingError) -> RSAPrivateKey {
        let spare = state.withLock { $0.spare }
        let key = try await makeSigningKey(bitCount: bitCount, unless: spare)
        state.withLock { $0.spare = key }
        return key
    }
}

extension SigningKeys {
    private func report(_ problem: Problem, _ message: Logger.Message, _ error: KeyRingError) {
        let isNew = state.withLock { $0.problems.updateValue(error.description, forKey: problem) != error.description }
        if isNew {
            logger.error(message, metadata: ["reason": "\(error.code)", "error": "\(error)", "keys": "\(store.location)"])
        }
    }

    private func resolved(_ problem: Problem) {
        if state.withLock({ $0.problems.removeValue(forKey: problem) }) != nil {
            logger.notice("a problem with the key ring is gone", metadata: ["keys": "\(store.location)"])
        }
    }

    private func log(_ stored: StoredKeyRing, after previous: StoredKeyRing) {
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
