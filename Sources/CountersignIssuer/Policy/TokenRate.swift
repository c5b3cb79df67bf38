/// How many tokens a service may have.
public struct TokenRate: Hashable, Sendable {
    /// In the long run. At least 1.
    public let perSecond: Int
    /// At once, after a pause. At least 1.
    public let burst: Int

    public init(perSecond: Int, burst: Int) {
        self.perSecond = max(1, perSecond)
        self.burst = max(1, burst)
    }
}
