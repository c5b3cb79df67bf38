public import CountersignCrypto
public import CountersignJOSE

extension KeyRing {
    /// Something that happens to a ring.
    public enum Event: Hashable, Sendable {
        /// A new key is published. Refused: `rotationUnderWay`, `tooManyKeys`, `duplicateKey`.
        case announce(JWK)
        /// The announced key becomes the signing one. Refused: `nothingAnnounced`, `announcedTooRecently`.
        case promote
        /// The announced key becomes the signing one although its time has not come, which is recorded as an emergency, or
        /// although receivers lack it, which is recorded as forced. Refused: `nothingAnnounced`.
        case promoteNow(lackedByReceivers: Bool)
        /// Retiring keys whose time has come are retired; old records are forgotten. Never refused.
        case retire
        /// A key is taken out. When it was signing, the replacement signs at once, or without one the announced key.
        /// The replacement is not looked at when another key is revoked. Refused: `unknownKey`, `alreadyRevoked`,
        /// `successorNeeded`, `duplicateKey`.
        case revoke(KeyID, replacement: JWK?)
        /// Something is denied; what was denied before about the same is replaced. Refused: `tooManyDenials`, `alreadyDenied` when
        /// that refuses more.
        case deny(Denial)
        /// A denial is taken back. Refused: `notDenied`.
        case allow(Denial.Subject)
        /// Other durations apply from now on; see ``KeyRing`` for what that does to keys on their way. Never refused.
        case adopt(KeyRingParameters)
        /// Longer durations apply from now on, shorter ones are not taken over. Never refused.
        case raise(KeyRingParameters)
    }

    /// The ring after an event, which happens at the given time.
    ///
    /// - Throws: ``KeyRingError`` with a code listed at the event. A refused event changes nothing.
    public func applying(_ event: Event, at now: Timestamp) throws(KeyRingError) -> KeyRing {
        var ring = self
        switch event {
        case .announce(let key): try ring.announce(key, at: now)
        case .promote: try ring.promote(at: now, .planned)
        case .promoteNow(let lacked): try ring.promote(at: now, lacked ? .forced : .emergency)
        case .retire: ring.retire(at: now)
        case .revoke(let kid, let replacement): try ring.revoke(kid, replacement: replacement, at: now)
        case .deny(let denial): try ring.deny(denial)
        case .allow(let subject): try ring.allow(subject)
        case .adopt(let parameters): ring.adopt(parameters, at: now)
        case .raise(let parameters): ring.adopt(ring.parameters.raised(to: parameters), at: now)
        }
        return ring
    }

    /// The ring after everything that is due by the passing of time: promotion, retirement, forgetting of old records.
    /// The same ring when nothing is.
    ///
    /// - Parameter promoting: false leaves the announced key where it is, for a caller that cannot get at its private key.
    public func settled(at now: Timestamp, promoting: Bool = true) -> KeyRing {
        var ring = self
        if promoting, ring.isPromotionDue(at: now) {
            // Cannot be refused: that it is due is what a refusal would deny.
            try? ring.promote(at: now, .planned)
        }
        ring.retire(at: now)
        return ring
    }

    /// Whether the announced key may sign now.
    public func isPromotionDue(at now: Timestamp) -> Bool {
        announced.map { now >= $0.signsFrom } ?? false
    }

    /// Whether a successor is to be announced now.
    public func isRotationDue(at now: Timestamp) -> Bool {
        nextRotation.map { now >= $0 } ?? false
    }
}

extension KeyRing {
    /// Refuses another announcement, whatever the key: for callers that would have to make the key first.
    func refuseAnnouncement() throws(KeyRingError) {
        if let announced {
            throw KeyRingError(
                .rotationUnderWay,
                "a rotation is under way: \(announced.jwk.kid) is announced and signs from \(announced.signsFrom)",
                hint: "wait for it, or promote it at once with keys rotate --now"
            )
        }
        guard published.count < Self.maximumPublished else {
            let until = retiring.map(\.retiresFrom).min().map { ", the next of them retires from \($0)" } ?? ""
            throw KeyRingError(
                .tooManyKeys, "\(published.count) keys are published, which is the most there may be\(until)",
                hint: "wait, or revoke a key whose tokens may die"
            )
        }
    }

    private mutating func announce(_ key: JWK, at now: Timestamp) throws(KeyRingError) {
        try refuseAnnouncement()
        try refuseKnown(key)
        announced = Announced(jwk: key, created: now, since: now, signsFrom: now.adding(seconds: parameters.announceFor))
    }

    /// - Parameter wish: what it is recorded as when its time has come; before that only an emergency is possible, and only for
    ///   those who ask for more than `planned`.
    private mutating func promote(at now: Timestamp, _ wish: Promotion) throws(KeyRingError) {
        guard let key = announced else {
            throw KeyRingError(.nothingAnnounced, "no key is announced", hint: "announce one with keys rotate")
        }
        let due = now >= key.signsFrom
        guard due || wish != .planned else {
            throw KeyRingError(
                .announcedTooRecently, "\(key.jwk.kid) is announced since \(key.since) and may sign from \(key.signsFrom)",
                hint: "wait, or promote it at once with keys rotate --now"
            )
        }
        demote(at: now)
        signing = Signing(
            promoting: key, as: !due ? .emergency : wish == .forced ? .forced : .planned, retireAfter: parameters.retireAfter,
            at: now)
        announced = nil
    }

    /// The last signature may be of this moment. With a clock that jumped back it may carry a later time: then the time from
    /// which the key signed is the best there is.
    private mutating func demote(at now: Timestamp) {
        let retiresFrom = max(now, signing.since).adding(seconds: signing.retireAfter)
        retiring.append(Retiring(signing: signing, since: now, retiresFrom: retiresFrom))
    }

    private mutating func retire(at now: Timestamp) {
        retired += retiring.filter { now >= $0.retiresFrom }.map { Retired(retiring: $0, since: now) }
        retiring.removeAll { now >= $0.retiresFrom }
        retired.removeAll { now >= $0.since.adding(seconds: Self.recordsKeptFor) }
        revoked.removeAll { now >= $0.since.adding(seconds: Self.recordsKeptFor) }
        retired.removeFirst(max(0, retired.count - Self.maximumRecords))
        revoked.removeFirst(max(0, revoked.count - Self.maximumRecords))
    }

    private mutating func revoke(_ kid: KeyID, replacement: JWK?, at now: Timestamp) throws(KeyRingError) {
        if signing.jwk.kid == kid {
            let before = signing
            try replaceSigning(with: replacement, at: now)
            revoked.append(Revoked(before: .signing(before), since: now))
        } else if let key = announced, key.jwk.kid == kid {
            announced = nil
            revoked.append(Revoked(before: .announced(key), since: now))
        } else if let index = retiring.firstIndex(where: { $0.signing.jwk.kid == kid }) {
            revoked.append(Revoked(before: .retiring(retiring.remove(at: index)), since: now))
        } else if let index = retired.firstIndex(where: { $0.retiring.signing.jwk.kid == kid }) {
            revoked.append(Revoked(before: .retired(retired.remove(at: index)), since: now))
        } else if let entry = entries.first(where: { $0.kid == kid }) {
            throw KeyRingError(.alreadyRevoked, "\(kid) is revoked since \(entry.since)")
        } else {
            throw KeyRingError(.unknownKey, "no key of the ring is \(kid)", hint: "keys list shows the keys")
        }
        statusNumber = statusNumber.addingReportingOverflow(1).partialValue
    }

    private mutating func replaceSigning(with replacement: JWK?, at now: Timestamp) throws(KeyRingError) {
        if let replacement {
            try refuseKnown(replacement)
            signing = Signing(
                jwk: replacement, created: now, announced: nil, since: now, promotion: .emergency,
                retireAfter: parameters.retireAfter
            )
        } else if let key = announced {
            let promotion: Promotion = now >= key.signsFrom ? .planned : .emergency
            signing = Signing(promoting: key, as: promotion, retireAfter: parameters.retireAfter, at: now)
            announced = nil
        } else {
            throw KeyRingError(
                .successorNeeded, "\(signing.jwk.kid) signs and no key is announced that could take its place",
                hint: "revoke it together with a replacement"
            )
        }
    }

    private mutating func adopt(_ parameters: KeyRingParameters, at now: Timestamp) {
        if parameters.statusMaxAge < self.parameters.statusMaxAge {
            // Another issuer may sign one more with the longer time before it takes this over.
            let until = now.adding(seconds: self.parameters.statusMaxAge + KeyRingParameters.takeover)
            olderStatusUntil = max(olderStatusUntil ?? until, until)
        }
        self.parameters = parameters
        signing.retireAfter = max(signing.retireAfter, parameters.retireAfter)
        if var key = announced {
            key.signsFrom = max(key.signsFrom, key.since.adding(seconds: parameters.announceFor))
            announced = key
        }
    }

    private func refuseKnown(_ key: JWK) throws(KeyRingError) {
        if let known = entries.first(where: { $0.kid == key.kid }) {
            throw KeyRingError(.duplicateKey, "\(key.kid) is in the ring already, as \(known.state.rawValue)")
        }
    }
}

extension KeyRing.Signing {
    fileprivate init(promoting key: KeyRing.Announced, as promotion: KeyRing.Promotion, retireAfter: Int64, at now: Timestamp) {
        self.init(
            jwk: key.jwk, created: key.created, announced: key.since, since: now, promotion: promotion, retireAfter: retireAfter
        )
    }
}
