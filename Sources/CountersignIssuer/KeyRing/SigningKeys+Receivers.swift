public import CountersignCrypto
internal import CountersignJOSE
internal import Logging
internal import Synchronization

extension SigningKeys {
    /// Remembers that a receiver was given the key set of a snapshot, or told that it has it. Costs a lock; noted in the store by
    /// ``run()``.
    public func receiverFetchedKeys(_ name: String, instance: String = "", from snapshot: Snapshot, at now: Timestamp) {
        let keys = [snapshot.announcedKeyID, snapshot.signingKeyID].compactMap(\.self)
        remember(ReceiverSighting(name: name, instance: instance, keysAt: now, keys: keys), at: now)
    }

    /// Remembers that a receiver was given the status document of a snapshot, or told that it has it.
    public func receiverFetchedStatus(_ name: String, instance: String = "", number: Int64, at now: Timestamp) {
        remember(ReceiverSighting(name: name, instance: instance, statusAt: now, statusNumber: number), at: now)
    }

    private func remember(_ sighting: ReceiverSighting, at now: Timestamp) {
        sightings.withLock { $0.add(sighting, at: now) }
    }

    /// Writes what was remembered to the store, when there is news in it. What cannot be written is kept for the next time.
    func noteReceivers(at now: Timestamp) async {
        let news = sightings.withLock { $0.take(at: now) }
        guard !news.isEmpty else {
            return
        }
        do {
            try await keeper.note(try await lostSightings() + news, at: now)
            resolved(.receivers)
        } catch {
            sightings.withLock { $0.giveBack(news) }
            report(.receivers, "what receivers have fetched cannot be noted; rotations wait", error)
        }
    }
}

extension SigningKeys {
    /// Gives the store back what it has lost of what was seen here: while it is lost, nothing says that a receiver lacks a key.
    func restoreReceivers(at now: Timestamp) async throws(KeyRingError) {
        let lost = try await lostSightings()
        if !lost.isEmpty {
            try await keeper.note(lost, at: now)
        }
    }

    /// What was seen here and the store does not know; all of it, when what it knows is damaged.
    private func lostSightings() async throws(KeyRingError) -> [ReceiverSighting] {
        var known = Receivers()
        do {
            known = try await store.receivers()
        } catch let error where error.code != .malformed {
            throw error
        } catch {}
        return sightings.withLock { $0.missing(in: known) }
    }
}

/// What receivers fetched and the store does not know yet.
///
/// News that somebody may wait for (a new name, another key, another status) is noted at once; that a receiver is still there, or
/// that there is one more process of it, for all of them together now and then. So whoever invents processes causes no writing.
struct PendingSightings {
    /// Seconds between two notes that only say that receivers are still there.
    static let interval: Int64 = 30

    private struct Key: Hashable {
        let name: String
        let instance: String
    }

    /// By name, of which there are as many as services, then by instance.
    private var known: [String: [String: ReceiverSighting]] = [:]
    private var changed: Set<Key> = []
    private var isUrgent = false
    private var takenAt: Timestamp?

    mutating func add(_ sighting: ReceiverSighting, at now: Timestamp) {
        let key = Key(name: sighting.name, instance: sighting.instance)
        var processes = known[key.name] ?? [:]
        let before = processes[key.instance]
        if before == nil, processes.count >= Receivers.maximumPerName,
            let oldest = processes.min(by: { $0.value.seenAt < $1.value.seenAt })?.key
        {
            processes[oldest] = nil
            changed.remove(Key(name: key.name, instance: oldest))
        }
        var merged = before ?? sighting
        merged.merge(sighting, at: now)
        if let before {
            isUrgent = isUrgent || merged.keys != before.keys || merged.statusNumber != before.statusNumber
        } else {
            isUrgent = isUrgent || processes.isEmpty
        }
        processes[key.instance] = merged
        known[key.name] = processes
        changed.insert(key)
    }

    /// What is to be noted now.
    mutating func take(at now: Timestamp) -> [ReceiverSighting] {
        let isDue = takenAt.map { !(0..<Self.interval).contains(now.seconds(since: $0)) } ?? true
        guard !changed.isEmpty, isUrgent || isDue else {
            return []
        }
        defer {
            changed = []
            isUrgent = false
            takenAt = now
        }
        return changed.compactMap { known[$0.name]?[$0.instance] }
    }

    /// Every receiver that was seen here and is not among these.
    func missing(in receivers: Receivers) -> [ReceiverSighting] {
        let there = Set(receivers.sightings.map { Key(name: $0.name, instance: $0.instance) })
        return known.values.flatMap(\.values).filter { !there.contains(Key(name: $0.name, instance: $0.instance)) }
    }

    /// What could not be noted is tried again at the next look.
    mutating func giveBack(_ sightings: [ReceiverSighting]) {
        changed.formUnion(sightings.map { Key(name: $0.name, instance: $0.instance) })
        isUrgent = true
    }
}
