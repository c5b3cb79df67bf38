import CountersignCrypto
import CountersignIssuer
import CountersignJOSE

/// A ring, the receivers that work by its key set, and the tokens that are alive, on a clock of whole seconds that is moved by
/// hand.
///
/// The receivers are all that may be: at every moment, one for every key set that was published within the last
/// ``maximumAge`` seconds. What one of them would see, this looks at.
struct RingWorld: Hashable {
    /// Durations as short as they can be and still differ; the second set is of an issuer that allows longer tokens.
    static let short = Result { try KeyRingParameters(announceFor: 3, retireAfter: 2, rotateEvery: 0) }
    static let long = Result { try KeyRingParameters(announceFor: 5, retireAfter: 4, rotateEvery: 0) }
    /// How old a key set may be that a receiver works by. Less than the announce time, as an issuer sees to
    /// (`IssuerConfiguration.Keys.maximumAge`), except where a fault is to be found.
    let maximumAge: Int64

    struct Published: Hashable {
        let at: Int64
        let kids: Set<KeyID>
    }

    struct Token: Hashable {
        let kid: KeyID
        let expiresAt: Int64
    }

    private(set) var ring: KeyRing
    private(set) var now: Int64 = 0
    private(set) var keysUsed = 1
    /// Every key set that a receiver may still work by.
    private var published: [Published]
    private var publishedSince: [KeyID: Int64]
    /// Keys that came to sign before their time, which the ring says of them.
    private var emergencies: Set<KeyID> = []
    private var revokedAt: [KeyID: Int64] = [:]
    private var tokens: Set<Token> = []

    init(maximumAge: Int64 = 2) throws {
        self.maximumAge = maximumAge
        ring = KeyRing(firstKey: try RingKeys.jwk(0), parameters: try Self.short.get(), at: ringStart)
        let kids = Set(ring.published.map(\.kid))
        published = [Published(at: 0, kids: kids)]
        publishedSince = Dictionary(uniqueKeysWithValues: kids.map { ($0, -100) })
        mint()
    }

    /// Everything that can happen next.
    static func steps() throws -> [Step] {
        [
            .wait, .announce, .event(.promote), .event(.promoteNow(lackedByReceivers: false)),
            .event(.promoteNow(lackedByReceivers: true)), .settle, .event(.adopt(try short.get())),
            .event(.adopt(try long.get())), .event(.raise(try long.get())), .revoke(.signing, replaced: false),
            .revoke(.signing, replaced: true), .revoke(.announced, replaced: false), .revoke(.retiring, replaced: false),
        ]
    }

    enum Step: Hashable {
        case wait
        case announce
        case settle
        case event(KeyRing.Event)
        case revoke(KeyRing.State, replaced: Bool)
    }

    /// The world after a step; nil when the ring refuses it.
    func after(_ step: Step) throws -> RingWorld? {
        var next = self
        do throws(KeyRingError) {
            switch step {
            case .wait:
                next.now += 1
            case .settle:
                next.ring = ring.settled(at: time)
            case .event(let event):
                next.ring = try ring.applying(event, at: time)
            case .announce:
                next.ring = try ring.applying(.announce(key(&next)), at: time)
            case .revoke(let state, let replaced):
                guard let entry = ring.entries.first(where: { $0.state == state }) else {
                    return nil
                }
                next.ring = try ring.applying(.revoke(entry.kid, replacement: replaced ? key(&next) : nil), at: time)
                next.revokedAt[entry.kid] = now
            }
        } catch {
            return nil
        }
        next.look()
        return next
    }

    private var time: Timestamp { ringStart + now }

    private func key(_ next: inout RingWorld) throws(KeyRingError) -> JWK {
        defer { next.keysUsed += 1 }
        guard let key = try? RingKeys.jwk(keysUsed) else {
            return ring.signing.jwk
        }
        return key
    }

    /// What follows from the present ring: what receivers may fetch, what is signed, what is over.
    private mutating func look() {
        let kids = Set(ring.published.map(\.kid))
        for kid in kids where publishedSince[kid] == nil {
            publishedSince[kid] = now
        }
        if ring.signing.promotion == .emergency {
            emergencies.insert(ring.signing.jwk.kid)
        }
        published = published.filter { now - $0.at <= maximumAge }
        // A set that was replaced at this moment was still fetched at this moment, just before.
        published = published.map { $0.kids == published.last?.kids ? Published(at: now, kids: $0.kids) : $0 }
        let present = Published(at: now, kids: kids)
        published.removeAll { $0.kids == kids }
        published.append(present)
        tokens = tokens.filter { $0.expiresAt > now && revokedAt[$0.kid] == nil }
        mint()
    }

    private mutating func mint() {
        tokens.insert(Token(kid: ring.signing.jwk.kid, expiresAt: now + ring.parameters.retireAfter))
    }
}

extension RingWorld {
    /// What is wrong with this world; nil when nothing is.
    var fault: String? {
        let signing = ring.entries.filter { $0.state == .signing }
        if signing.count != 1 || ring.entries.filter({ $0.state == .announced }).count > 1 {
            return "\(signing.count) keys sign"
        }
        if ring.published.count > KeyRing.maximumPublished {
            return "\(ring.published.count) keys are published"
        }
        if Set(ring.published.map(\.kid)).contains(where: { revokedAt[$0] != nil }) {
            return "a revoked key is published"
        }
        return faultOfPromotion ?? faultOfTokens ?? faultOfRevocation
    }

    private var faultOfPromotion: String? {
        let key = ring.signing
        let since = publishedSince[key.jwk.kid] ?? now
        let wasLong = key.since.seconds(since: ringStart) - since >= 3
        return switch key.promotion {
        case .first: keysUsed > 1 && key.jwk.kid != (try? RingKeys.jwk(0).kid) ? "a later key is called the first" : nil
        case .planned, .forced: wasLong ? nil : "a key signs that was published too late, without being called an emergency"
        case .emergency: nil
        }
    }

    private var faultOfTokens: String? {
        for token in tokens {
            for set in published where !set.kids.contains(token.kid) {
                // The one excuse: the key signed before its time, which the ring says, and this set is from before it was there.
                let isExcused = emergencies.contains(token.kid) && set.at <= (publishedSince[token.kid] ?? now)
                if !isExcused {
                    return "a token is refused at \(now) by a receiver whose key set is of \(set.at)"
                }
            }
        }
        return nil
    }

    private var faultOfRevocation: String? {
        for (kid, at) in revokedAt where now > at + maximumAge {
            if published.contains(where: { $0.kids.contains(kid) }) {
                return "a key revoked at \(at) is accepted at \(now)"
            }
        }
        return nil
    }
}
