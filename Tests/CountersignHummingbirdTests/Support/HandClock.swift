import CountersignCrypto
import Synchronization

/// A clock that goes only when it is told to.
final class HandClock: Sendable {
    private let moment = Mutex(ThrowAwayAuthority.now)

    @Sendable func now() -> Timestamp { moment.withLock { $0 } }

    func advance(seconds: Int64) {
        moment.withLock { $0 = $0.adding(seconds: seconds) }
    }
}
