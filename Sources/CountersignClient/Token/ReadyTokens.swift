internal import CountersignCrypto
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// A token in hand, with all that is needed to tell whether it may be returned without asking anybody.
final class ReadyToken: Sendable {
    let token: AccessToken
    /// When it ends, and is due to be replaced.
    let expiresAt: Duration
    let refreshAt: Duration
    /// What ``ReloadableTLS/changes`` was when its certificate was last seen to be the one in use; the highest number for never.
    private let confirmed: Atomic<UInt64>
    private let lastUse: Atomic<Int64>

    init(
        _ token: AccessToken, expiresAt: Duration, refreshAt: Duration, generation: UInt64?, usedAt: Duration
    ) {
        self.token = token
        self.expiresAt = expiresAt
        self.refreshAt = refreshAt
        confirmed = Atomic(generation ?? .max)
        lastUse = Atomic(usedAt.components.seconds)
    }

    var generation: UInt64? {
        let number = confirmed.load(ordering: .relaxed)
        return number == .max ? nil : number
    }

    /// The material is another, and the certificate in it the same: new authorities or lists, for instance.
    func confirm(_ generation: UInt64) {
        confirmed.store(generation, ordering: .relaxed)
    }

    /// When it was last returned, to the second.
    var usedAt: Duration { .seconds(lastUse.load(ordering: .relaxed)) }

    /// Written once a second at most, so that many threads share the line in their caches.
    func use(at now: Duration) {
        let second = now.components.seconds
        if lastUse.load(ordering: .relaxed) < second { lastUse.store(second, ordering: .relaxed) }
    }
}

/// The tokens in hand, found without ever waiting for a lock that somebody else holds.
///
/// There are several copies of the table. A reader takes the first that nobody else is reading at this moment, beginning with
/// its thread's own, and holds it for one look; a writer goes through all of them. What is found here is only ever returned;
/// everything else is ``TokenCache``'s business, which keeps the copies up to date.
final class ReadyTokens: Sendable {
    private final class Copy: Sendable {
        let tokens = Mutex<[TokenRequest: ReadyToken]>([:])
        /// Keeps the locks of two copies on different lines of the processors' caches.
        private let padding = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    }

    private let copies: [Copy]

    /// - Parameter copies: more than a few help only where more threads than that ask at the very same moment.
    init(copies: Int = 8) {
        self.copies = (0..<max(1, copies)).map { _ in Copy() }
    }

    func find(_ request: TokenRequest) -> ReadyToken? {
        let start = Self.threadNumber % copies.count
        for offset in copies.indices {
            let copy = copies[(start + offset) % copies.count]
            if let found = copy.tokens.withLockIfAvailable({ $0[request] }) { return found }
        }
        return copies[start].tokens.withLock { $0[request] }
    }

    func put(_ token: ReadyToken?, for request: TokenRequest) {
        for copy in copies { copy.tokens.withLock { $0[request] = token } }
    }

    /// Not negative, and for most pairs of threads not the same.
    private static var threadNumber: Int {
        #if canImport(Glibc)
            // The address of the thread's own memory: its last bits are alike for all.
            return Int(truncatingIfNeeded: (pthread_self() >> 12) & 0xFFFF)
        #else
            return 0
        #endif
    }
}
