internal import Countersign
internal import CountersignCrypto
internal import CountersignJOSE
internal import Logging
internal import Synchronization

extension SigningKeys {
    /// The status document of a ring; nil when none is published or nothing can sign it.
    func status(of ring: KeyRing, by signer: TokenSigner?, at now: Timestamp) -> StatusDocument? {
        guard let statusIssuer, let signer else {
            return nil
        }
        do {
            let document = try StatusDocument(of: ring, issuer: statusIssuer, signedBy: signer, at: now)
            resolved(.status)
            return document
        } catch {
            report(.status, "the status document cannot be made", error)
            return nil
        }
    }

    /// Signs the status document anew when a quarter of its time is over. Only after the ring was read: an issuer that is cut off
    /// from its ring must not go on saying that nothing is revoked.
    func refreshStatus(at now: Timestamp) {
        let (ring, current) = state.withLock { ($0.stored.ring, $0.snapshot) }
        guard let document = current.status, document.isToBeRefreshed(at: now) else {
            return
        }
        let fresh = status(of: ring, by: current.signer, at: now)
        state.withLock { state in
            if state.snapshot.generation == current.generation {
                state.snapshot = state.snapshot.with(status: fresh ?? document)
            }
        }
    }

    /// Says that the clock was set, and that it is trusted again.
    func reportClock(isSteady: Bool, _ now: Timestamp) {
        if isSteady {
            resolved(.clock)
        } else {
            report(
                .clock, "the clock was set: what is due by time waits until it has gone on evenly for five minutes",
                KeyRingError(.clock, "the clock jumped", hint: "see that the machine's time is right")
            )
        }
    }
}

extension SigningKeys.Snapshot {
    func with(status: StatusDocument) -> Self {
        Self(
            signer: signer, signingKeyID: signingKeyID, keySet: keySet, jwks: jwks, etag: etag, generation: generation,
            revision: revision, nextChange: nextChange, announcedKeyID: announcedKeyID, status: status, revocations: revocations
        )
    }
}
