import Countersign
import Testing

@testable import CountersignIssuer

@Suite("A rate of tokens")
struct RateLimitTests {
    private static func service(_ id: String, _ rate: TokenRate?) throws -> ServiceEntry {
        ServiceEntry(
            id: id, criteria: try #require(CallerCriteria(dnsName: "\(id).link.internal")), audiences: [], rate: rate)
    }

    @Test("lets a burst through, then as many as come in the time, and says when to come back")
    func bucket() {
        let bucket = RateBucket(TokenRate(perSecond: 2, burst: 3))
        for _ in 0..<3 { #expect(bucket.take(at: .seconds(10)) == .allowed) }
        #expect(bucket.take(at: .seconds(10)) == .limited(retryAfter: 1))
        #expect(bucket.take(at: .milliseconds(10_250)) == .limited(retryAfter: 1))
        #expect(bucket.take(at: .milliseconds(10_500)) == .allowed)
        #expect(bucket.take(at: .milliseconds(10_500)) == .limited(retryAfter: 1))
        // After any pause no more than the burst.
        for _ in 0..<3 { #expect(bucket.take(at: .seconds(1000)) == .allowed) }
        #expect(bucket.take(at: .seconds(1000)) == .limited(retryAfter: 1))
        #expect(bucket.take(at: .seconds(1001)) == .allowed)
        #expect(bucket.take(at: .seconds(1001)) == .allowed)
        #expect(bucket.take(at: .seconds(1001)) == .limited(retryAfter: 1))
    }

    @Test("does not fill by a clock that goes back, nor empty")
    func clock() {
        let bucket = RateBucket(TokenRate(perSecond: 1, burst: 2))
        #expect(bucket.take(at: .seconds(10)) == .allowed)
        #expect(bucket.take(at: .seconds(5)) == .allowed)
        #expect(bucket.take(at: .seconds(10)) == .limited(retryAfter: 1))
        #expect(bucket.take(at: .seconds(11)) == .allowed)
    }

    @Test("of a service that stays is not renewed by a reload, and follows a new rate at once")
    func reload() throws {
        let slow = TokenRate(perSecond: 1, burst: 2)
        let first = RateLimits([try Self.service("a", slow), try Self.service("b", nil), try Self.service("c", slow)])
        #expect(first["b"] == nil)
        #expect(first["nobody"] == nil)
        let before = try #require(first["a"])
        for _ in 0..<2 { #expect(before.take(at: .zero) == .allowed) }
        let second = RateLimits([try Self.service("a", slow), try Self.service("b", slow)], keeping: first)
        #expect(second["a"] === before)
        #expect(second["a"]?.take(at: .zero) == .limited(retryAfter: 1))
        #expect(second["b"]?.take(at: .zero) == .allowed)
        #expect(second["c"] == nil)
        let third = RateLimits([try Self.service("a", TokenRate(perSecond: 10, burst: 20))], keeping: second)
        #expect(third["a"]?.take(at: .zero) == .limited(retryAfter: 1))
        #expect(third["a"]?.take(at: .milliseconds(100)) == .allowed)
        // A smaller bucket holds no more than it holds.
        let fourth = RateLimits([try Self.service("b", TokenRate(perSecond: 1, burst: 1))], keeping: second)
        #expect(fourth["b"]?.take(at: .zero) == .allowed)
        #expect(fourth["b"]?.take(at: .zero) == .limited(retryAfter: 1))
    }

    @Test("says in whole seconds when there is a token again")
    func slowest() {
        let bucket = RateBucket(TokenRate(perSecond: 1, burst: 1))
        #expect(bucket.take(at: .zero) == .allowed)
        #expect(bucket.take(at: .milliseconds(1)) == .limited(retryAfter: 1))
        let error = OAuthError.rateLimited("wait", retryAfter: 7)
        #expect(error.status == 429)
        #expect(error.retryAfter == 7)
        #expect(error.code == .temporarilyUnavailable)
        #expect(OAuthError(.temporarilyUnavailable, "").retryAfter == 5)
        #expect(OAuthError(.invalidRequest, "").retryAfter == nil)
    }
}
