internal import CountersignCrypto
internal import CountersignJOSE
internal import CountersignJSON

/// The text of `keyring.json`, version 2; docs/reference/key-ring.md is its description for those who run an issuer.
///
/// ```json
/// {
///   "version": 2,
///   "revision": 7,
///   "statusNumber": 1,
///   "parameters": {
///     "announceFor": 600, "retireAfter": 965, "rotateEvery": 2592000, "receiverWindow": 86400,
///     "statusMaxAge": 120, "statusPoll": 15, "retiredKeys": "destroyed"
///   },
///   "keys": [
///     {
///       "kid": "<RFC 7638 thumbprint>", "state": "signing",
///       "created": "2026-01-02T03:04:05Z", "announced": "...", "signing": "...",
///       "promotion": "planned", "retireAfter": 965,
///       "jwk": { "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "...", "n": "...", "e": "AQAB" }
///     }
///   ],
///   "denied": [ { "kind": "service", "value": "user-svc", "since": "2026-01-02T03:04:05Z" } ],
///   "history": [ { "number": 1, "at": "2026-01-02T03:04:05Z", "who": "issuer", "what": "...", "why": "..." } ]
/// }
/// ```
///
/// | member | in the states | meaning |
/// |---|---|---|
/// | `kid`, `jwk`, `created` | all | name, public key, when it was made |
/// | `state` | all | `announced`, `signing`, `retiring`, `retired` or `revoked` |
/// | `announced` | all it has been through; missing for a key that signed without | since when it was published |
/// | `signsFrom` | announced | from when on it may sign |
/// | `signing` | from signing on | since when it signed |
/// | `promotion` | from signing on | `first`, `planned`, `forced` or `emergency` |
/// | `retireAfter` | from signing on | seconds it stays published after its last signature |
/// | `retiring`, `retiresFrom` | from retiring on | when it stopped signing; from when on none of its tokens is alive |
/// | `retired` | from retired on | when it was taken out of the key set |
/// | `revoked` | revoked | when it was revoked; the other members are those of the state it was in |
///
/// `olderStatusUntil`, beside `revision`, is there once `statusMaxAge` was made shorter: until when status documents from before
/// may hold. Times are RFC 3339 in UTC with whole seconds, durations are seconds. `revision` grows by one with every change. A member
/// that is not described is refused, as is a later version: a program that does not understand a ring must not change it. A ring
/// of version 1, which had no denials, no history and fewer durations, is read with the usual values in their place and written
/// as version 2 by the next change. `"example": true` marks the published example, which is refused wherever a ring is needed.
enum KeyRingFormat {
    static let version: Int64 = 2
    /// The oldest version that is understood.
    static let oldestVersion: Int64 = 1
    /// 8 published keys and 128 records of 8192-bit keys are about 300 KiB, 1024 denials and the history as much again.
    static let maxBytes = 1024 * 1024

    static func encode(_ ring: KeyRing, revision: Int64) throws(KeyRingError) -> [UInt8] {
        var keys: [JSONValue] = []
        if let announced = ring.announced {
            keys.append(entry(.announced, announced.jwk, members(of: announced)))
        }
        keys.append(entry(.signing, ring.signing.jwk, members(of: ring.signing)))
        keys += ring.retiring.map { entry(.retiring, $0.signing.jwk, members(of: $0)) }
        keys += ring.retired.map { entry(.retired, $0.retiring.signing.jwk, members(of: $0)) }
        keys += ring.revoked.map { revoked($0) }
        var file: JSONObject = [
            "version": .integer(version),
            "revision": .integer(revision),
            "statusNumber": .integer(ring.statusNumber),
            "parameters": [
                "announceFor": .integer(ring.parameters.announceFor),
                "retireAfter": .integer(ring.parameters.retireAfter),
                "rotateEvery": .integer(ring.parameters.rotateEvery),
                "receiverWindow": .integer(ring.parameters.receiverWindow),
                "statusMaxAge": .integer(ring.parameters.statusMaxAge),
                "statusPoll": .integer(ring.parameters.statusPoll),
                "retiredKeys": .string(ring.parameters.keepsRetiredKeys ? keptWord : destroyedWord),
            ],
            "keys": .array(keys),
            "denied": .array(ring.denials.map { denied($0) }),
            "history": .array(ring.history.map { change($0) }),
        ]
        if let until = ring.olderStatusUntil {
            file.append("olderStatusUntil", time(until))
        }
        let bytes: [UInt8]
        do {
            bytes = try JSONWriter.bytes(.object(file), pretty: true) + [UInt8(ascii: "\n")]
        } catch {
            throw KeyRingError(.notWritten, "the key ring cannot be written as JSON: \(error.message)")
        }
        // A ring that could not be read back must not take the place of one that can, whatever the clock said.
        guard try decode(bytes).ring == ring else {
            throw KeyRingError(.notWritten, "the key ring would not be the same when read back")
        }
        return bytes
    }

    private static func entry(_ state: KeyRing.State, _ jwk: JWK, _ members: [(String, JSONValue)]) -> JSONValue {
        .object(
            JSONObject(
                [("kid", .string(jwk.kid.rawValue)), ("state", .string(state.rawValue))] + members + [("jwk", .object(jwk.json))]
            )
        )
    }

    private static func members(of key: KeyRing.Announced) -> [(String, JSONValue)] {
        [("created", time(key.created)), ("announced", time(key.since)), ("signsFrom", time(key.signsFrom))]
    }

    private static func members(of key: KeyRing.Signing) -> [(String, JSONValue)] {
        [("created", time(key.created))] + (key.announced.map { [("announced", time($0))] } ?? []) + [
            ("signing", time(key.since)),
            ("promotion", .string(key.promotion.rawValue)),
            ("retireAfter", .integer(key.retireAfter)),
        ]
    }

    private static func members(of key: KeyRing.Retiring) -> [(String, JSONValue)] {
        members(of: key.signing) + [("retiring", time(key.since)), ("retiresFrom", time(key.retiresFrom))]
    }

    private static func members(of key: KeyRing.Retired) -> [(String, JSONValue)] {
        members(of: key.retiring) + [("retired", time(key.since))]
    }

    private static func revoked(_ key: KeyRing.Revoked) -> JSONValue {
        let before =
            switch key.before {
            case .announced(let key): members(of: key)
            case .signing(let key): members(of: key)
            case .retiring(let key): members(of: key)
            case .retired(let key): members(of: key)
            }
        return entry(.revoked, key.jwk, before + [("revoked", time(key.since))])
    }

    static let keptWord = "kept"
    static let destroyedWord = "destroyed"

    private static func denied(_ denial: KeyRing.Denial) -> JSONValue {
        var object: JSONObject = ["kind": .string(denial.subject.kind), "value": .string(denial.subject.value)]
        if let notBefore = denial.notBefore {
            object.append("notBefore", time(notBefore))
        }
        object.append("since", time(denial.since))
        return .object(object)
    }

    private static func change(_ change: KeyRing.Change) -> JSONValue {
        var object: JSONObject = [
            "number": .integer(change.number), "at": time(change.at), "who": .string(change.who), "what": .string(change.what),
        ]
        if let why = change.why {
            object.append("why", .string(why))
        }
        return .object(object)
    }

    private static func time(_ time: Timestamp) -> JSONValue {
        .string(time.description)
    }
}
