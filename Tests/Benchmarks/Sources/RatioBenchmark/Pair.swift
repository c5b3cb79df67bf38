import Workloads

/// A workload, and the one it is measured against.
struct Pair {
    private static let rounds = 21
    /// Of one measurement.
    private static let seconds = 0.04

    private let workload: Workload.Prepared
    private let other: Workload.Prepared?

    init(_ threshold: Threshold) async throws {
        workload = try await Workload.named(threshold.name).prepared()
        other =
            if let name = threshold.against { try await Workload.named(name).prepared() } else { nil as Workload.Prepared? }
    }

    /// The median rates per second, and the median of the ratios of two measurements that were made one after the other.
    func measure() async throws -> (rate: Double, other: Double?, ratio: Double) {
        let count = try await workload.count(for: Self.seconds)
        let otherCount = try await other?.count(for: Self.seconds) ?? 0
        var (rates, otherRates): ([Double], [Double]) = ([], [])
        for round in 0..<Self.rounds {
            // Whoever comes second finds another cache and another clock frequency: they take turns in that, too.
            if let other, round % 2 == 0 { otherRates.append(Double(otherCount) / (try await other.time(otherCount))) }
            rates.append(Double(count) / (try await workload.time(count)))
            if let other, round % 2 == 1 { otherRates.append(Double(otherCount) / (try await other.time(otherCount))) }
        }
        guard other != nil else { return (Self.median(rates), nil, Self.median(rates)) }
        return (Self.median(rates), Self.median(otherRates), Self.median(zip(rates, otherRates).map { $0 / $1 }))
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
