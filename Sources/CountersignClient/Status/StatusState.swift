internal import Countersign

/// The status in hand and how long it holds. Only decides; asks nobody.
struct StatusState {
    static let firstPause = Duration.milliseconds(200)

    private(set) var status: RevocationStatus?
    private(set) var tag: String?
    /// By the clock that cannot be set: until when the document holds, counted from when it was signed.
    private var holdsUntil = Duration.zero
    private(set) var failure: String?
    private var failures = 0
    private(set) var askAt = Duration.zero

    /// Whether what is in hand still holds: by the clock that cannot be set, and not long past its end by the other one.
    func isFresh(at now: Duration, wallClock: Timestamp, leeway: Int64) -> Bool {
        guard let status else { return false }
        return now < holdsUntil && wallClock < status.expiresAt.adding(seconds: leeway)
    }

    /// The first moment, by each clock, at which ``isFresh(at:wallClock:leeway:)`` is false.
    func end(leeway: Int64) -> (elapsed: Duration, wallClock: Timestamp)? {
        status.map { (holdsUntil, $0.expiresAt.adding(seconds: leeway)) }
    }

    /// Takes over a verified document.
    ///
    /// - Throws: ``StatusError`` with code `older` for a state before the one in hand, as long as that holds: an issuer that is
    ///   behind, or a replay. It says nothing, not even that the one in hand still holds. Afterwards it is taken: a key ring that
    ///   was restored from a backup counts from there.
    mutating func succeeded(
        _ new: RevocationStatus, tag: String?, age: Duration, sentAt: Duration, time: ClientTime, poll: Duration?
    ) throws(StatusError) {
        if let status, new.number < status.number, sentAt < holdsUntil {
            throw StatusError(.older, "the status has number \(new.number), and \(status.number) was known already")
        }
        // Counted from when it was signed: a document of an issuer that is cut off from its key ring ends at its time, however
        // often it is fetched.
        holdsUntil = sentAt - age + .seconds(new.lifetime)
        status = new
        self.tag = tag
        confirmed(sentAt: sentAt, time: time, poll: poll)
    }

    /// The issuer still publishes the document in hand, whose time goes on running out.
    mutating func confirmed(sentAt: Duration, time: ClientTime, poll: Duration?) {
        failures = 0
        failure = nil
        // Never later than was asked for; up to a tenth sooner, so that a fleet that started together comes apart.
        askAt = sentAt + interval(poll, at: sentAt) * (1 - 0.1 * time.random())
    }

    /// What is in hand stays as it is.
    mutating func failed(_ message: String, retryAfter: Duration?, time: ClientTime, poll: Duration?) {
        failures += 1
        failure = message
        let now = time.elapsed()
        let longest = interval(poll, at: now)
        askAt =
            now
            + min(
                longest,
                time.backoff(afterFailures: failures, from: Self.firstPause, to: longest, retryAfter: retryAfter)
            )
    }

    /// As long as was configured, but such that the next document is there before the one in hand ends; never shorter than the
    /// issuer wants it because of that.
    private func interval(_ poll: Duration?, at now: Duration) -> Duration {
        let advised = Duration.seconds(status?.poll ?? 15)
        guard let poll else { return advised }
        return min(poll, max(advised, (holdsUntil - now) / 2))
    }
}
