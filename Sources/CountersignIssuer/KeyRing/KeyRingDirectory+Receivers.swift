internal import CountersignCrypto
internal import CountersignFiles
internal import Foundation

extension KeyRingDirectory {
    /// What is known of the receivers; nothing when there is no file yet.
    func receivers() throws(KeyRingError) -> Receivers {
        let bytes: [UInt8]
        do {
            bytes = try SystemFile.open(receiversPath).read(limit: ReceiversFormat.maxBytes)
        } catch let error where error.isNotFound {
            return Receivers()
        } catch {
            throw KeyRingError(.unreadable, error.message)
        }
        do {
            return try ReceiversFormat.decode(bytes)
        } catch {
            throw KeyRingError(
                error.code, "\(receiversPath): \(error.message)",
                hint: "remove it; every receiver is seen again within five minutes"
            )
        }
    }

    /// Notes under the lock; nil when another writer holds it. A damaged file is replaced: what it held comes back by itself.
    func noteUnlessLocked(_ sightings: [ReceiverSighting], at now: Timestamp) throws(KeyRingError) -> Bool? {
        try withLock { () throws in
            _ = try load(unless: nil)
            var known = (try? receivers()) ?? Receivers()
            let before = known
            known.merge(sightings, at: now)
            if known != before {
                try replace(receiversPath, with: try ReceiversFormat.encode(known))
                try syncInForce()
            }
            return true
        }
    }
}
