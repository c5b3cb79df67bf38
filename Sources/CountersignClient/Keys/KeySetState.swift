internal import Countersign

/// The key set in hand and what is known about getting a newer one. Only decides; asks nobody.
struct KeySetState {
    static let firstPause = Duration.milliseconds(200)
    static let longestPause = Duration.seconds(10)

    private(set) var set: KeySet?
    private(set) var tag: String?
    /// Of the last answer that confirmed the set.
    private var fetchedAt = Duration.zero
    private var fetchedAtWallClock = Timestamp(secondsSince1970: 0)
    private var refreshAt = Duration.zero
    private var retryAt = Duration.zero
    private var failures = 0
    /// What the last fetch came to, when it failed.
    private(set) var failure: TokenError?
    /// When an unknown key may be looked for again.
    private var searchAt = Duration.zero

    /// The set, unless it is older than `maxAge` by either clock: the one that cannot be set, and the one the caller decides by.
    func current(at now: Duration, wallClock: Timestamp, maxAge: Duration) -> KeySet? {
        let age = max(now - fetchedAt, .seconds(wallClock.seconds(since: fetchedAtWallClock)))
        return age <= maxAge ? set : nil
    }

    /// The first moment, by each clock, at which ``current(at:wallClock:maxAge:)`` may answer `nil`.
    func end(maxAge: Duration) -> (elapsed: Duration, wallClock: Timestamp) {
        (fetchedAt + maxAge, fetchedAtWallClock.adding(seconds: maxAge.components.seconds))
    }

    /// The set, if the issuer confirmed it at or after a moment.
    func set(fetchedSince moment: Duration) -> KeySet? {
        fetchedAt >= moment ? set : nil
    }

    /// When to fetch next; at once when there is no set.
    func dueAt(isUsable: Bool) -> Duration {
        isUsable ? max(refreshAt, retryAt) : retryAt
    }

    /// Whether an unknown key may be looked for now.
    func maySearch(at now: Duration) -> Bool { now >= searchAt }

    /// Whether an unknown key may be looked for now; if so, not again before `cooldown` has passed.
    mutating func beginSearch(at now: Duration, cooldown: Duration) -> Bool {
        guard maySearch(at: now) else { return false }
        searchAt = now + cooldown
        return true
    }

    /// Takes over an answer and returns the set in hand, which is always there afterwards: only those who have one ask for news.
    mutating func succeeded(
        _ answer: KeySetAnswer,
        sentAt: Duration,
        wallClock: Timestamp,
        life: (Duration?) -> Duration
    ) -> KeySet? {
        let maxAge: Duration?
        switch answer {
        case .keys(let keys, let tag, let age):
            // The same keys stay the same value, for whoever remembers things by it.
            if set?.keys.json != keys.json { set = KeySet(keys) }
            self.tag = tag
            maxAge = age
        case .unchanged(let age):
            maxAge = age
        }
        fetchedAt = sentAt
        fetchedAtWallClock = wallClock
        refreshAt = sentAt + life(maxAge)
        retryAt = .zero
        failures = 0
        failure = nil
        return set
    }

    /// Somebody who looked for an unknown key could not wait for the end of the fetch: it is to be tried again in the background,
    /// and until then it is not known whether there is such a key.
    mutating func gaveUp(_ error: TokenError) {
        if failure == nil { failure = error }
        refreshAt = .zero
    }

    /// The set in hand stays as it is.
    mutating func failed(_ error: TokenError, time: ClientTime) {
        failures += 1
        failure = error
        retryAt =
            time.elapsed()
            + time.backoff(
                afterFailures: failures, from: Self.firstPause, to: Self.longestPause, retryAfter: error.retryAfter
            )
    }
}
