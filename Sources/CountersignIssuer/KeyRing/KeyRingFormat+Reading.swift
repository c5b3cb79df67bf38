internal import CountersignCrypto
internal import CountersignJOSE
internal import CountersignJSON

extension KeyRingFormat {
    /// Reads `keyring.json`; what it says has been checked as a whole when this returns.
    ///
    /// - Throws: ``KeyRingError``: `malformed`, `unsupportedVersion`, `inconsistent`, `parameters`, `example`. The messages
    ///   say where in the file, not which file.
    static func decode(_ bytes: [UInt8]) throws(KeyRingError) -> (ring: KeyRing, revision: Int64, version: Int64) {
        var file = StrictObject(try parse(bytes), path: "")
        // The version comes first: what the other members mean depends on it.
        let version = try file.integer("version")
        guard (oldestVersion...Self.version).contains(version) else {
            throw KeyRingError(
                .unsupportedVersion, "version is \(version); this program knows versions up to \(Self.version)",
                hint: "use the program that wrote it, or a newer one"
            )
        }
        if try file.optionalBool("example") == true {
            throw KeyRingError(.example, "this is the published example of a key ring, whose private keys nobody has")
        }
        let revision = try file.integer("revision")
        guard revision > 0, revision < .max else {
            throw KeyRingError(.malformed, "revision is \(revision), which is out of range")
        }
        let parameters = try parameters(file.object("parameters"), version: version)
        let entries = try file.objects("keys")
        var ring = try assemble(entries, parameters: parameters)
        if version == 1 {
            ring.statusNumber = Int64(ring.revoked.count)
        } else {
            ring.statusNumber = try file.integer("statusNumber")
            ring.denials = try denials(file.objects("denied"))
            ring.history = try history(file.objects("history"))
            ring.olderStatusUntil = try file.optionalTime("olderStatusUntil")
        }
        try file.finish()
        guard ring.statusNumber >= 0, ring.statusNumber < .max else {
            throw KeyRingError(.malformed, "statusNumber is \(ring.statusNumber), which is out of range")
        }
        return (ring, revision, version)
    }

    private static func parse(_ bytes: [UInt8]) throws(KeyRingError) -> JSONObject {
        do {
            return try JSONReader.parseObject(bytes, limits: JSONLimits(maxBytes: maxBytes, maxDepth: 8))
        } catch {
            throw KeyRingError(.malformed, error.message)
        }
    }

    private static func parameters(_ object: StrictObject, version: Int64) throws(KeyRingError) -> KeyRingParameters {
        var object = object
        let announceFor = try object.integer("announceFor")
        let retireAfter = try object.integer("retireAfter")
        let rotateEvery = try object.integer("rotateEvery")
        guard version > 1 else {
            try object.finish()
            return try KeyRingParameters(announceFor: announceFor, retireAfter: retireAfter, rotateEvery: rotateEvery)
        }
        let receiverWindow = try object.integer("receiverWindow")
        let statusMaxAge = try object.integer("statusMaxAge")
        let statusPoll = try object.integer("statusPoll")
        let retiredKeys = try object.string("retiredKeys")
        try object.finish()
        guard [keptWord, destroyedWord].contains(where: { $0.utf8.elementsEqual(retiredKeys.utf8) }) else {
            throw KeyRingError(.malformed, "parameters.retiredKeys must be \(keptWord) or \(destroyedWord)")
        }
        return try KeyRingParameters(
            announceFor: announceFor, retireAfter: retireAfter, rotateEvery: rotateEvery, receiverWindow: receiverWindow,
            statusMaxAge: statusMaxAge, statusPoll: statusPoll,
            keepsRetiredKeys: retiredKeys.utf8.elementsEqual(keptWord.utf8)
        )
    }

    private static func denials(_ entries: [StrictObject]) throws(KeyRingError) -> [KeyRing.Denial] {
        var denials: [KeyRing.Denial] = []
        for entry in entries {
            var entry = entry
            let kind = try entry.string("kind")
            let value = try entry.string("value")
            let subject = try KeyRing.Denial.Subject(kind: kind, value: value)
            guard subject.value.utf8.elementsEqual(value.utf8), !denials.contains(where: { $0.subject == subject }) else {
                throw KeyRingError(.inconsistent, "\(entry.path) is not written as usual, or is there twice")
            }
            let notBefore = try entry.optionalTime("notBefore")
            denials.append(KeyRing.Denial(subject, notBefore: notBefore, since: try entry.time("since")))
            try entry.finish()
        }
        guard denials.count <= KeyRing.maximumDenials else {
            throw KeyRingError(
                .inconsistent, "\(denials.count) denials are in it; at most \(KeyRing.maximumDenials) may be"
            )
        }
        return denials
    }

    private static func history(_ entries: [StrictObject]) throws(KeyRingError) -> [KeyRing.Change] {
        var changes: [KeyRing.Change] = []
        for entry in entries {
            var entry = entry
            let number = try entry.integer("number")
            guard number > (changes.last?.number ?? 0), number < .max else {
                throw KeyRingError(.malformed, "\(entry.path).number is \(number), which is out of order")
            }
            let at = try entry.time("at")
            let who = try entry.string("who")
            let what = try entry.string("what")
            let why = entry.has("why") ? try entry.string("why") : nil
            changes.append(KeyRing.Change(number: number, at: at, who: who, what: what, why: why))
            try entry.finish()
        }
        return changes
    }

    private static func assemble(
        _ entries: [StrictObject], parameters: KeyRingParameters
    ) throws(KeyRingError) -> KeyRing {
        var announced: [KeyRing.Announced] = []
        var signing: [KeyRing.Signing] = []
        var retiring: [KeyRing.Retiring] = []
        var retired: [KeyRing.Retired] = []
        var revoked: [KeyRing.Revoked] = []
        for entry in entries {
            var entry = entry
            let jwk = try key(&entry)
            switch try state(&entry) {
            case .announced: announced.append(try announcedKey(jwk, &entry))
            case .signing: signing.append(try signingKey(jwk, &entry))
            case .retiring: retiring.append(try retiringKey(jwk, &entry))
            case .retired: retired.append(try retiredKey(jwk, &entry))
            case .revoked: revoked.append(try revokedKey(jwk, &entry))
            }
            try entry.finish()
        }
        guard let signs = signing.first else {
            throw KeyRingError(.inconsistent, entries.isEmpty ? "it has no keys" : "none of its keys is signing")
        }
        guard signing.count == 1 else {
            throw KeyRingError(.inconsistent, "\(signing.count) of its keys are signing; exactly one may")
        }
        guard announced.count <= 1 else {
            throw KeyRingError(.inconsistent, "\(announced.count) of its keys are announced; at most one may be")
        }
        let ring = KeyRing(
            parameters: parameters, announced: announced.first, signing: signs, retiring: retiring, retired: retired,
            revoked: revoked
        )
        try check(ring)
        return ring
    }

    private static func check(_ ring: KeyRing) throws(KeyRingError) {
        var seen: Set<KeyID> = []
        for entry in ring.entries {
            guard seen.insert(entry.kid).inserted else {
                throw KeyRingError(.inconsistent, "the key \(entry.kid) is in it twice")
            }
        }
        guard ring.published.count <= KeyRing.maximumPublished else {
            throw KeyRingError(
                .inconsistent, "it publishes \(ring.published.count) keys; at most \(KeyRing.maximumPublished) may be"
            )
        }
    }

    private static func key(_ entry: inout StrictObject) throws(KeyRingError) -> JWK {
        let kid = try entry.string("kid")
        let object = try entry.object("jwk")
        let jwk: JWK
        do {
            jwk = try JWK(json: object.object)
        } catch {
            throw KeyRingError(.inconsistent, "\(object.path) is not a usable public key: \(error.message)")
        }
        guard jwk.kid.rawValue.utf8.elementsEqual(kid.utf8) else {
            throw KeyRingError(
                .inconsistent, "\(entry.path).kid is \"\(kid)\", and the thumbprint of its key is \(jwk.kid)"
            )
        }
        // The published form and no more: a member that is not published could be anything.
        guard object.object.count == jwk.json.count else {
            throw KeyRingError(.malformed, "\(object.path) has other members than \(jwk.json.names.joined(separator: ", "))")
        }
        return jwk
    }

    private static func state(_ entry: inout StrictObject) throws(KeyRingError) -> KeyRing.State {
        let text = try entry.string("state")
        guard let state = KeyRing.State.allCases.first(where: { $0.rawValue.utf8.elementsEqual(text.utf8) }) else {
            throw KeyRingError(.malformed, "\(entry.path).state is \"\(text)\", which is no state of a key")
        }
        return state
    }

    private static func announcedKey(_ jwk: JWK, _ entry: inout StrictObject) throws(KeyRingError) -> KeyRing.Announced {
        KeyRing.Announced(
            jwk: jwk, created: try entry.time("created"), since: try entry.time("announced"),
            signsFrom: try entry.time("signsFrom")
        )
    }

    private static func signingKey(_ jwk: JWK, _ entry: inout StrictObject) throws(KeyRingError) -> KeyRing.Signing {
        let text = try entry.string("promotion")
        guard let promotion = KeyRing.Promotion.allCases.first(where: { $0.rawValue.utf8.elementsEqual(text.utf8) }) else {
            throw KeyRingError(.malformed, "\(entry.path).promotion is \"\(text)\", which is no way to come to sign")
        }
        let retireAfter = try entry.integer("retireAfter")
        guard retireAfter >= 1 else {
            throw KeyRingError(.malformed, "\(entry.path).retireAfter is \(retireAfter); it must be at least 1")
        }
        return KeyRing.Signing(
            jwk: jwk, created: try entry.time("created"), announced: try entry.optionalTime("announced"),
            since: try entry.time("signing"), promotion: promotion, retireAfter: retireAfter
        )
    }

    private static func retiringKey(_ jwk: JWK, _ entry: inout StrictObject) throws(KeyRingError) -> KeyRing.Retiring {
        KeyRing.Retiring(
            signing: try signingKey(jwk, &entry), since: try entry.time("retiring"), retiresFrom: try entry.time("retiresFrom")
        )
    }

    private static func retiredKey(_ jwk: JWK, _ entry: inout StrictObject) throws(KeyRingError) -> KeyRing.Retired {
        KeyRing.Retired(retiring: try retiringKey(jwk, &entry), since: try entry.time("retired"))
    }

    /// The members say how far the key had come.
    private static func revokedKey(_ jwk: JWK, _ entry: inout StrictObject) throws(KeyRingError) -> KeyRing.Revoked {
        let before: KeyRing.Revoked.Before =
            if entry.has("retired") {
                .retired(try retiredKey(jwk, &entry))
            } else if entry.has("retiring") {
                .retiring(try retiringKey(jwk, &entry))
            } else if entry.has("signing") {
                .signing(try signingKey(jwk, &entry))
            } else {
                .announced(try announcedKey(jwk, &entry))
            }
        return KeyRing.Revoked(before: before, since: try entry.time("revoked"))
    }
}
