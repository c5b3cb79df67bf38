public import CountersignCrypto

/// The moment at which tests happen.
///
/// Everything in Countersign takes the time as a parameter, so a test needs no clock that ticks: it says when it asks.
public enum TestClock {
    /// 2027-01-15T08:00:00Z. What ``TestAuthority`` issues is valid around it unless told otherwise.
    public static let now = Timestamp(secondsSince1970: 1_800_000_000)
}
