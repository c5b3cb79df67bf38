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
                hint:
                    "remove it; receivers are seen again when they come, within five minutes, and a rotation under way no longer "
                    + "waits for those that do not"
            )
        }
    }

    /// Notes under the lock; nil when another writer holds it. A damaged file is replaced: what it held comes back by itself. One
    /// that cannot be read, or that a later program wrote, is left as it is: a rotation may wait for what it says.
    func noteUnlessLocked(_ sightings: [ReceiverSighting], at now: Timestamp) throws(KeyRingError) -> Bool? {
        try withLock { () throws in
            _ = try load(unless: nil)
            let before = try receiversUnlessDamaged() ?? Receivers()
            var known = before
            known.merge(sightings, at: now)
            if known != before {
                try replace(receiversPath, with: try ReceiversFormat.encode(known))
                try syncInForce()
            }
            return true
        }
    }

    private func receiversUnlessDamaged() throws(KeyRingError) -> Receivers? {
        do {
            return try receivers()
        } catch let error where error.code == .malformed {
            return nil
        }
    }
}
