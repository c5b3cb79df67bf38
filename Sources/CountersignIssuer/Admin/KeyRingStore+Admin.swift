public import CountersignCrypto
internal import CountersignJOSE
public import CountersignJSON

extension KeyRingStore {
    /// Does what an admin asks and reports in the form that is described in docs/reference/http.md.
    ///
    /// - Parameter settling: false leaves what is due by time for later: the clock may be wrong.
    /// - Throws: ``KeyRingError`` as the operation does.
    public func perform(
        _ command: AdminCommand, by author: KeyRing.Author, at now: Timestamp, settling: Bool = true
    ) async throws(KeyRingError) -> JSONObject {
        switch command {
        case .listKeys:
            let stored = try await load()
            return AdminReport.keys(stored, try await receivers(of: stored.ring), at: now)
        case .rotate(let immediately, let force):
            let done = try await rotate(immediately: immediately, force: force, settling: settling, by: author, at: now)
            return AdminReport.rotation(done, at: now)
        case .revoke(let kid):
            let done = try await revoke(kid, by: author, at: now)
            return AdminReport.revocation(done, await known(of: done.stored.ring), at: now)
        case .listDenied:
            let stored = try await load()
            return AdminReport.denied(stored, try await receivers(of: stored.ring), at: now)
        case .deny(let subject, let notBefore):
            let done = try await change(subject, isDenied: true, notBefore: notBefore, by: author, at: now)
            return AdminReport.denial(subject, isDenied: true, notBefore, done, await known(of: done.ring), at: now)
        case .allow(let subject):
            let done = try await change(subject, isDenied: false, by: author, at: now)
            return AdminReport.denial(subject, isDenied: false, nil, done, await known(of: done.ring), at: now)
        }
    }
}

/// The answers to admins, as JSON.
enum AdminReport {
    static func keys(_ stored: StoredKeyRing, _ receivers: Receivers, at now: Timestamp) -> JSONObject {
        let ring = stored.ring
        let keys = ring.entries.map { entry in
            var object: JSONObject = [
                "kid": .string(entry.kid.rawValue), "state": .string(entry.state.rawValue),
                "created": time(entry.created), "since": time(entry.since), "nextChange": entry.nextChange.map(time) ?? .null,
                "promotion": entry.promotion.map { .string($0.rawValue) } ?? .null,
                "bits": .integer(Int64(entry.jwk.key.bitCount)),
            ]
            if entry.state == .announced {
                let window = ring.parameters.receiverWindow
                object.append("receivers", standing(receivers.standing(of: entry.kid, at: now, window: window), at: now))
            }
            return JSONValue.object(object)
        }
        let list = receivers.present(at: now, window: max(ring.parameters.receiverWindow, Receivers.replacedAfter)).map {
            receiver($0, of: ring)
        }
        return [
            "revision": .integer(stored.revision.number), "keys": .array(keys), "receivers": .array(list),
            "status": status(ring, receivers, at: now), "history": .array(ring.history.map { .object(change($0)) }),
        ]
    }

    static func rotation(_ rotation: KeyRotation, at now: Timestamp) -> JSONObject {
        [
            "kid": .string(rotation.kid.rawValue), "signsFrom": rotation.signsFrom.map(time) ?? .null,
            "promoted": rotation.promoted.map { .string($0.rawValue) } ?? .null,
            // How a key came to sign that is announced is not known yet.
            "promotion": rotation.signsFrom == nil ? .string(rotation.stored.ring.signing.promotion.rawValue) : .null,
            "receivers": standing(rotation.lacking, at: now),
            "announceFor": .integer(rotation.stored.ring.parameters.announceFor), "warnings": warnings(of: rotation.stored),
        ]
    }

    static func revocation(_ revocation: KeyRevocation, _ receivers: Receivers, at now: Timestamp) -> JSONObject {
        [
            "kid": .string(revocation.revoked.kid.rawValue), "was": .string(revocation.revoked.state.rawValue),
            "successor": revocation.successor.map { .string($0.rawValue) } ?? .null,
            "promotion": revocation.successor == nil ? .null : .string(revocation.stored.ring.signing.promotion.rawValue),
            "announceFor": .integer(revocation.stored.ring.parameters.announceFor),
            "status": status(revocation.stored.ring, receivers, at: now), "warnings": warnings(of: revocation.stored),
        ]
    }

    static func denied(_ stored: StoredKeyRing, _ receivers: Receivers, at now: Timestamp) -> JSONObject {
        let list = stored.ring.denials.map { denial in
            JSONValue.object([
                "kind": .string(denial.subject.kind), "value": .string(denial.subject.value),
                "notBefore": denial.notBefore.map(time) ?? .null, "since": time(denial.since),
            ])
        }
        return [
            "revision": .integer(stored.revision.number), "denied": .array(list),
            "status": status(stored.ring, receivers, at: now),
        ]
    }

    static func denial(
        _ subject: KeyRing.Denial.Subject, isDenied: Bool, _ notBefore: Timestamp?, _ stored: StoredKeyRing,
        _ receivers: Receivers, at now: Timestamp
    ) -> JSONObject {
        [
            "kind": .string(subject.kind), "value": .string(subject.value), "denied": .bool(isDenied),
            "notBefore": notBefore.map(time) ?? .null, "status": status(stored.ring, receivers, at: now),
            "warnings": warnings(of: stored),
        ]
    }
}

extension AdminReport {
    /// What was done all the same, and should be known.
    private static func warnings(_ all: [String]) -> JSONValue { .array(all.map { .string($0) }) }

    private static func warnings(of stored: StoredKeyRing) -> JSONValue { warnings(stored.leftover.map { [$0] } ?? []) }

    /// A report with one more warning.
    static func adding(_ warning: String, to report: JSONObject) -> JSONObject {
        let others = report.members.filter { !$0.name.utf8.elementsEqual("warnings".utf8) }.map { ($0.name, $0.value) }
        return JSONObject(others + [("warnings", warnings((report.strings("warnings") ?? []) + [warning]))])
    }

    /// Within what time everybody knows, and who does already.
    private static func status(_ ring: KeyRing, _ receivers: Receivers, at now: Timestamp) -> JSONValue {
        let window = ring.parameters.receiverWindow
        return [
            "number": .integer(ring.statusNumber), "deadEverywhereWithin": .integer(ring.deadEverywhereWithin(at: now)),
            "deadWhereReachedWithin": .integer(ring.parameters.deadWhereReachedWithin),
            "receivers": standing(receivers.standing(ofStatus: ring.statusNumber, at: now, window: window), at: now),
            "withoutStatus": .array(receivers.withoutStatus(at: now, window: window).map { .string($0) }),
        ]
    }

    private static func standing(_ standing: ReceiverStanding, at now: Timestamp) -> JSONValue {
        [
            "total": .integer(Int64(standing.total)), "seen": .integer(Int64(standing.seen)),
            "waiting": .array(
                standing.waiting.map { .object(["name": .string($0.name), "seenAt": time($0.seenAt)]) }
            ),
            "words": .string(standing.words(at: now)),
        ]
    }

    private static func receiver(_ sighting: ReceiverSighting, of ring: KeyRing) -> JSONValue {
        let isCurrent = sighting.statusNumber.map { $0 >= ring.statusNumber }
        return [
            "name": .string(sighting.name), "instance": .string(sighting.instance),
            "keysAt": sighting.keysAt.map(time) ?? .null,
            "hasAnnounced": ring.announced.map { .bool(sighting.keys.contains($0.jwk.kid)) } ?? .null,
            "statusAt": sighting.statusAt.map(time) ?? .null, "hasStatus": isCurrent.map { .bool($0) } ?? .null,
        ]
    }

    private static func change(_ change: KeyRing.Change) -> JSONObject {
        [
            "number": .integer(change.number), "at": time(change.at), "who": .string(change.who), "what": .string(change.what),
            "why": change.why.map { .string($0) } ?? .null,
        ]
    }

    private static func time(_ time: Timestamp) -> JSONValue { .string(time.description) }
}
