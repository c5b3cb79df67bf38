/// A condition that did not come true within its bound.
struct NotInTime: Error, CustomStringConvertible {
    let description: String
}

/// Looks again and again until `look` returns something, and returns it.
///
/// - Parameters:
///   - what: what is waited for, in words for the failure.
///   - limit: far more than it takes, for machines with more to do than this test.
/// - Throws: ``NotInTime``, or what `look` throws.
@discardableResult
func eventually<Value>(
    _ what: String, within limit: Duration = .seconds(30), isolation: isolated (any Actor)? = #isolation,
    _ look: () async throws -> Value?
) async throws -> Value {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while true {
        if let value = try await look() { return value }
        guard clock.now < end else { throw NotInTime(description: "not within \(limit): \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// The same for a plain condition.
func eventually(
    _ what: String, within limit: Duration = .seconds(30), isolation: isolated (any Actor)? = #isolation,
    holds condition: () async throws -> Bool
) async throws {
    try await eventually(what, within: limit) { try await condition() ? true : nil }
}
