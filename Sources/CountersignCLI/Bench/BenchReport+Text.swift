/// For people.
extension BenchReport {
    var rows: [[String]] {
        var rows = [["mode", "\(mode.rawValue): \(mode.words)"], ["load", load]]
        rows.append([
            "tokens",
            "\(result.tally.tokens) in \(Self.text(result.elapsedSeconds, 1)) s, \(Self.text(tokensPerSecond, 1)) per second",
        ])
        if failure != nil { rows.append(["", "NOT WHOLE, see the error"]) }
        if result.unsent > 0 {
            rows.append(["", "\(result.unsent) more were due and never sent: the rate is more than is served"])
        }
        if mode != .mint {
            let resumed = result.tally.resumed
            rows.append(["handshakes", "\(result.tally.tokens - resumed) full, \(resumed) resumed"])
        }
        rows.append(["latency", latency])
        rows += failureRows
        rows.append(["issuer", issuerUse])
        rows.append([
            "limit", "\(Self.text(limit.tokensPerSecond, 1)) tokens per second of processor time, each of them at least:",
        ])
        rows += limit.parts.map { ["", "\($0.words), \(Self.text($0.perSecond, 1)) per second"] }
        rows.append(["ratio", "\(Self.text(ratio, 3)) of that limit"])
        return rows
    }

    private var load: String {
        let loop = plan.ratePerSecond.map { "\($0) requests per second" } ?? "each asks again when it is answered"
        return "\(plan.connections) callers, \(loop); \(plan.durationSeconds) s after \(plan.warmupSeconds) s of warm-up"
    }

    private var latency: String {
        guard let latency = result.tally.latency else { return "unknown" }
        return [("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99), ("p99.9", latency.p999), ("max", latency.max)]
            .map { "\($0) \(Self.milliseconds($1))" }.joined(separator: ", ")
    }

    private var failureRows: [[String]] {
        guard !failures.isEmpty else { return [["failures", "none"]] }
        let total = "\(result.tally.failed) of \(result.tally.tokens + result.tally.failed) requests"
        return [["failures", total]] + failures.map { ["", "\($0.count)  \($0.reason)"] }
    }

    private var issuerUse: String {
        guard let process else { return "unknown: its process was not found" }
        let processor = processorMicrosecondsPerToken.map { "\(Self.text($0 / 1000, 2)) ms of processor time per token" }
        let memory = after.map { "\(Self.text(Double($0.residentBytes) / 1_048_576, 1)) MiB resident" }
        let known = [processor, memory].compactMap { $0 }
        return "process \(process.identifier): " + (known.isEmpty ? "it has ended" : known.joined(separator: ", "))
    }

    private static func milliseconds(_ microseconds: UInt64) -> String {
        "\(text(Double(microseconds) / 1000, 2)) ms"
    }

    private static func text(_ value: Double, _ digits: Int) -> String {
        let factor = (0..<digits).reduce(1.0) { result, _ in result * 10 }
        return "\((value * factor).rounded() / factor)"
    }
}
