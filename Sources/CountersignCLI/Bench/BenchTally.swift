import Histogram
import NIOCore

/// What was counted.
struct BenchTally: Sendable {
    private(set) var tokens = 0
    /// By reason.
    private(set) var failures: [String: Int] = [:]
    /// Those among ``failures`` that are an issuer's way to say that it has too much to do.
    private(set) var shed = 0
    private(set) var resumed = 0
    private(set) var lastToken: NIODeadline?
    /// In microseconds, from when a request was due to when its answer was whole; of tokens only.
    private var latencies = Histogram<UInt64>(numberOfSignificantValueDigits: .three)

    /// More reasons than these are counted together: they are partly the other side's words.
    private static let maxReasons = 32

    var failed: Int { failures.values.reduce(0, +) }

    mutating func count(_ outcome: BenchOutcome, due: NIODeadline, at now: NIODeadline, isResumed: Bool) {
        switch outcome {
        case .token:
            tokens += 1
            resumed += isResumed ? 1 : 0
            lastToken = max(now, lastToken ?? now)
            latencies.record(UInt64(max(0, (now - due).nanoseconds)) / 1000)
        case .shed(let reason):
            shed += 1
            fail(reason)
        case .refused(let reason), .lost(let reason):
            fail(reason)
        }
    }

    private mutating func fail(_ reason: String) {
        let isKnown = failures[reason] != nil || failures.count < Self.maxReasons
        failures[isKnown ? reason : "other reasons", default: 0] += 1
    }

    /// Percentiles in microseconds; `nil` when there was no token.
    var latency: BenchLatency? {
        guard tokens > 0 else { return nil }
        let value = latencies.valueAtPercentile
        return BenchLatency(p50: value(50), p90: value(90), p99: value(99), p999: value(99.9), max: latencies.maxRecorded)
    }
}

/// In microseconds, within a thousandth.
struct BenchLatency: Equatable, Sendable {
    var p50: UInt64
    var p90: UInt64
    var p99: UInt64
    var p999: UInt64
    var max: UInt64
}
