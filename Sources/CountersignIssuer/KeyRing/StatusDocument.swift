internal import Countersign
public import CountersignCrypto
internal import CountersignJOSE

/// The status document of a ring, ready to be served: built once per change of the ring, and again before its time is over.
public struct StatusDocument: Sendable {
    /// The signed document.
    public let bytes: [UInt8]
    /// The entity tag, with its quotes.
    public let etag: String
    /// When it was signed.
    public let issuedAt: Timestamp
    /// Until when it holds.
    public let expiresAt: Timestamp
    /// How often receivers are to fetch it, in seconds.
    public let poll: Int64
    /// Grows with every revocation and denial.
    public let number: Int64

    init(of ring: KeyRing, issuer: String, signedBy signer: TokenSigner, at now: Timestamp) throws(KeyRingError) {
        let status = RevocationStatus(
            issuer: issuer, issuedAt: now, expiresAt: now.adding(seconds: ring.parameters.statusMaxAge),
            poll: ring.parameters.statusPoll, number: ring.statusNumber, revocations: Revocations(of: ring)
        )
        do {
            bytes = try status.document(signedBy: signer)
        } catch {
            throw KeyRingError(.inconsistent, "the status document cannot be made: \(error.message)")
        }
        etag = "\"\(Base64URL.encode(SHA256.digest(of: bytes).bytes))\""
        issuedAt = now
        expiresAt = status.expiresAt
        poll = status.poll
        number = status.number
    }

    /// Whether a quarter of its time is over, or the clock shows an earlier time than when it was signed.
    func isToBeRefreshed(at now: Timestamp) -> Bool {
        let age = now.seconds(since: issuedAt)
        return age < 0 || age >= max(1, expiresAt.seconds(since: issuedAt) / 4)
    }
}

extension Revocations {
    /// What a ring says is revoked and denied.
    init(of ring: KeyRing) {
        self.init(keyIDs: Set(ring.revoked.map(\.jwk.kid)))
        for denial in ring.denials {
            switch denial.subject {
            case .service(let id):
                if let notBefore = denial.notBefore {
                    servicesNotBefore[id] = notBefore
                } else {
                    services.insert(id)
                }
            case .serial(let hex): certificateSerials.insert(hex)
            case .publicKey(let digest): publicKeys.insert(digest)
            }
        }
    }
}

extension KeyRingParameters {
    /// What it takes an issuer to take over a change of the ring, in seconds, and whole seconds to be rounded.
    static let takeover: Int64 = 2

    /// The longest time in which a key, a certificate or a service that was revoked or denied is dead at every receiver that
    /// fetches the status and fails closed, in seconds; also at one that cannot reach the issuer, because the document it has
    /// ends.
    public var deadEverywhereWithin: Int64 { Self.takeover + statusMaxAge }

    /// The same for receivers that reach the issuer: they fetch again by then, and the answer is on its way.
    public var deadWhereReachedWithin: Int64 { Self.takeover + statusPoll }
}

extension KeyRing {
    /// ``KeyRingParameters/deadEverywhereWithin`` for what is revoked or denied at this time: longer for a while after
    /// ``KeyRingParameters/statusMaxAge`` was made shorter, because documents from before hold as long as they say.
    public func deadEverywhereWithin(at now: Timestamp) -> Int64 {
        max(parameters.deadEverywhereWithin, olderStatusUntil.map { $0.seconds(since: now) } ?? 0)
    }
}
