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
        state.withLock { $0.sightings.add(sighting, at: now) }
    }

    /// Writes what was remembered to the store, when there is news in it. What cannot be written is kept for the next time.
    func noteReceivers(at now: Timestamp) async {
        let sightings = state.withLock { $0.sightings.take(at: now) }
        guard !sightings.isEmpty else {
            return
        }
        do {
            try await store.note(sightings, at: now)
            resolved(.receivers)
        } catch {
            state.withLock { $0.sightings.giveBack(sightings) }
            report(.receivers, "what receivers have fetched cannot be noted; rotations wait", error)
        }
    }
}

/// What receivers fetched and the store does not know yet.
///
/// News that somebody may wait for (a new receiver, another key, another status) is noted at once; that a receiver is still
/// there, for all of them together now and then.
struct PendingSightings {
    /// Seconds between two notes that only say that receivers are still there.
    static let interval: Int64 = 30

    private struct Key: Hashable {
        let name: String
        let instance: String
    }

    private var known: [Key: ReceiverSighting] = [:]
    private var changed: Set<Key> = []
    private var isUrgent = false
    private var takenAt: Timestamp?

    mutating func add(_ sighting: ReceiverSighting, at now: Timestamp) {
        let key = Key(name: sighting.name, instance: sighting.instance)
        let before = known[key]
        if before == nil {
            makeRoom(for: sighting.name)
        }
        var merged = before ?? sighting
        merged.merge(sighting, at: now)
        known[key] = merged
        changed.insert(key)
        isUrgent = isUrgent || before == nil || merged.keys != before?.keys || merged.statusNumber != before?.statusNumber
    }

    /// Forgets the one that was not heard of for longest, of the name that has too many processes or of all.
    private mutating func makeRoom(for name: String) {
        let same = known.filter { $0.key.name == name }
        let crowd = same.count >= Receivers.maximumPerName ? same : known.count >= Receivers.maximum ? known : [:]
        if let oldest = crowd.min(by: { $0.value.seenAt < $1.value.seenAt })?.key {
            known[oldest] = nil
            changed.remove(oldest)
        }
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
        return changed.compactMap { known[$0] }
    }

    mutating func giveBack(_ sightings: [ReceiverSighting]) {
        changed.formUnion(sightings.map { Key(name: $0.name, instance: $0.instance) })
        isUrgent = true
    }
}
