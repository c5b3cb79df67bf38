package import CountersignCrypto

extension IssuerAnswer {
    /// How far the clock that wrote `Date` is ahead of ours, in seconds; negative when it is behind, zero when the two may agree,
    /// `nil` without a date.
    package func clockSkew(sentAt: Timestamp, receivedAt: Timestamp) -> Int64? {
        guard let date = header("Date").flatMap(HTTPDate.parse) else { return nil }
        var clock = ClockComparison()
        _ = clock.note(date, sentAt: sentAt, receivedAt: receivedAt, at: .zero)
        return clock.skew?.components.seconds
    }
}
