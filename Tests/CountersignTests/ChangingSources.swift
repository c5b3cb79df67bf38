import CountersignTesting
import Synchronization

@testable import Countersign

/// What a verdict rests on, changed by a test.
extension ConnectionMemoryTests {
    final class ChangingKeys: KeySource {
        private let set: Mutex<KeySet>
        private let asked = Mutex(0)
        let generation: Generation?

        init(_ keys: JWKSet, saysWhenItChanges: Bool = true) {
            set = Mutex(KeySet(keys))
            generation = saysWhenItChanges ? Generation() : nil
        }

        func replace(with keys: JWKSet) {
            set.withLock { $0 = KeySet(keys) }
            generation?.advance()
        }

        func keySet(at now: Timestamp) throws(KeysUnavailable) -> KeySet {
            asked.withLock { $0 += 1 }
            return set.withLock { $0 }
        }

        /// How often the set was asked for since this was asked last: more often for a token that is not remembered.
        func count() -> Int { asked.withLock { asked in (asked, asked = 0).0 } }
    }

    final class ChangingRevocations: RevocationSource {
        private let current = Mutex(Revocations.none)
        let generation: Generation? = Generation()
        func revocations(at now: Timestamp) -> Revocations { current.withLock { $0 } }

        func replace(with new: Revocations) {
            current.withLock { $0 = new }
            generation?.advance()
        }
    }

    final class Files: TrustSource {
        private let current: Mutex<PathValidator>
        let generation: Generation? = Generation()
        init(_ validator: PathValidator) { current = Mutex(validator) }
        var validator: PathValidator { current.withLock { $0 } }

        func replace(with new: PathValidator) {
            current.withLock { $0 = new }
            generation?.advance()
        }
    }
}
