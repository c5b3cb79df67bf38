internal import CountersignCrypto

/// Our wall clock beside the issuer's, by the `Date` field of its answers (RFC 9110 section 6.6.1).
///
/// Tokens live by the clocks of those who check them, so a clock that is wrong shows as a token that is "not yet valid" or
/// "expired" somewhere else. Here it is only told: nothing is computed from it.
struct ClockComparison {
    struct Notice: Equatable {
        let isProblem: Bool
        let skew: Duration
        let message: String
    }

    /// Receivers allow a minute on `iat` and `nbf`, and nothing on `exp`.
    static let tolerance = Duration.seconds(30)
    /// Between two warnings about the same.
    static let silence = Duration.seconds(3600)

    /// How far the issuer's clock is ahead, at least; zero when the difference may be the way of the answer.
    private(set) var skew: Duration?
    private var warnedAt: Duration?

    /// - Parameters:
    ///   - date: what the issuer's clock said, cut to a whole second, some time between the next two.
    ///   - sentAt: our clock when the request was sent, and `receivedAt` when the answer was there.
    ///   - now: time that nobody sets.
    /// - Returns: what to log, if anything.
    mutating func note(_ date: Timestamp, sentAt: Timestamp, receivedAt: Timestamp, at now: Duration) -> Notice? {
        let (earliest, latest) = (sentAt.adding(seconds: -1), receivedAt)
        let seconds = date < earliest ? date.seconds(since: earliest) : date > latest ? date.seconds(since: latest) : 0
        let skew = Duration.seconds(seconds)
        self.skew = skew
        let isProblem = skew > Self.tolerance || skew < .zero - Self.tolerance
        guard isProblem else {
            guard warnedAt != nil else { return nil }
            warnedAt = nil
            return Notice(isProblem: false, skew: skew, message: "our clock and the issuer's agree again")
        }
        if let warnedAt, now - warnedAt < Self.silence { return nil }
        warnedAt = now
        let side = seconds > 0 ? "behind" : "ahead of"
        return Notice(
            isProblem: true, skew: skew,
            message:
                "our clock is \(seconds.magnitude) s \(side) the issuer's: tokens will be taken for expired or not yet valid; "
                + "check time synchronisation on both machines"
        )
    }
}
