/// When a caller should ask for its next token: the `refresh_in` member of the token answer.
///
/// Callers that were started together, after a deployment, come back together when each renews after a fixed part of the life,
/// and small differences of their own making take hours to pull them apart. The issuer spreads them over four tenths of a life
/// each time, so the second wave is flat already. On the average a token is renewed at 55 % of its life, as callers do by
/// themselves, so the spread costs no more signatures; the latest have a quarter of the life left to try again.
enum RefreshSpread {
    /// Parts of a token's life.
    static let window = 0.35..<0.75

    /// An evenly spread number, at least 0 and below 1, from the random bytes of a token's identifier: the caller knows them, and
    /// need not be kept from knowing when it will come back.
    static func chance(of random: [UInt8]) -> Double {
        Double(random.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }) / 4_294_967_296
    }

    /// - Parameters:
    ///   - life: How long the token lives, in whole seconds.
    ///   - chance: An evenly spread number, at least 0 and below 1.
    /// - Returns: Whole seconds from the issue, at least one and less than the life; `nil` for a life too short for that.
    static func seconds(of life: Int64, chance: Double) -> Int64? {
        guard life >= 2 else { return nil }
        let part = window.lowerBound + (window.upperBound - window.lowerBound) * chance
        return max(1, min(Int64(Double(life) * part), life - 1))
    }
}
