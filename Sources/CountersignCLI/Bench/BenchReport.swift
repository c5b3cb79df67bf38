import CountersignJSON

/// What one run found out.
struct BenchReport: Sendable {
    let mode: BenchMode
    let issuer: String
    let audience: String
    let plan: BenchPlan
    let result: BenchLoad.Result
    let process: IssuerProcess?
    /// What the issuer's process had used when measuring began, and at the end.
    let before: IssuerProcess.Use?
    let after: IssuerProcess.Use?
    let limit: MachineLimit

    var tokensPerSecond: Double {
        result.elapsedSeconds > 0 ? Double(result.tally.tokens) / result.elapsedSeconds : 0
    }

    var ratio: Double { tokensPerSecond / limit.tokensPerSecond }

    var processorMicrosecondsPerToken: Double? {
        guard let before, let after, result.tally.tokens > 0 else { return nil }
        return (after.processorSeconds - before.processorSeconds) * 1e6 / Double(result.tally.tokens)
    }

    /// Those with most first.
    var failures: [(reason: String, count: Int)] {
        result.tally.failures.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { (reason: $0.key, count: $0.value) }
    }

    /// Why the figures are not those of a whole run. An issuer that says, at a rate it was asked for, that it has too much to do is
    /// no reason: that is what such a run finds out.
    var failure: CommandFailure? {
        let tally = result.tally
        let asked = tally.tokens + tally.failed
        let commonest = failures.first?.reason ?? "none was asked for"
        let hint = "the issuer's log says more"
        if let reason = result.brokenBy {
            return .no(
                "the run broke off: \(issuer) no longer answers (\(reason)); the figures are not whole",
                hint: "see whether the issuer is running; \(hint)")
        }
        if tally.tokens == 0 {
            return .no(
                "no token was served, \(tally.failed) of \(asked) requests failed (\(commonest)); there are no figures",
                hint: hint)
        }
        if tally.failed > (plan.ratePerSecond == nil ? 0 : tally.shed) {
            return .no(
                "\(tally.failed) of \(asked) requests failed (\(commonest)); the figures are those of the others alone",
                hint: hint)
        }
        return nil
    }
}

extension BenchReport {
    /// For programs. Names are never changed; what is not known is `null`.
    func json() throws -> String {
        let tally = result.tally
        var object: JSONObject = [
            "mode": .string(mode.rawValue),
            "issuer": .string(issuer),
            "audience": .string(audience),
            "connections": .integer(Int64(plan.connections)),
            "requestedPerSecond": plan.ratePerSecond.map { .integer(Int64($0)) } ?? .null,
            "warmupSeconds": .integer(plan.warmupSeconds),
            "durationSeconds": .integer(plan.durationSeconds),
            "elapsedSeconds": .double(result.elapsedSeconds),
            "isWhole": .bool(failure == nil),
            "tokens": .integer(Int64(tally.tokens)),
            "tokensPerSecond": .double(tokensPerSecond),
            "latencyMicroseconds": tally.latency.map { .object($0.json) } ?? .null,
            "failed": .integer(Int64(tally.failed)),
            "failures": .array(
                failures.map { .object(["reason": .string($0.reason), "count": .integer(Int64($0.count))]) }),
            "unsent": .integer(Int64(result.unsent)),
        ]
        object.append("resumedHandshakes", mode == .mint ? .null : .integer(Int64(tally.resumed)))
        object.append("fullHandshakes", mode == .mint ? .null : .integer(Int64(tally.tokens - tally.resumed)))
        object.append("issuerPID", process.map { .integer(Int64($0.identifier)) } ?? .null)
        object.append("issuerCPUMicrosecondsPerToken", processorMicrosecondsPerToken.map(Self.whole) ?? .null)
        object.append("issuerResidentBytes", after.map { .integer($0.residentBytes) } ?? .null)
        object.append("limitRSA2048SignaturesPerSecond", Self.whole(limit.signaturesPerSecond))
        object.append("limitHandshakesPerSecond", limit.handshakesPerSecond.map(Self.whole) ?? .null)
        object.append("limitTokensPerSecond", Self.whole(limit.tokensPerSecond))
        object.append("ratioToLimit", .double(ratio))
        return String(decoding: try JSONWriter.bytes(.object(object), pretty: true), as: UTF8.self)
    }

    private static func whole(_ value: Double) -> JSONValue {
        .integer(Int64(value.rounded()))
    }
}

extension BenchLatency {
    fileprivate var json: JSONObject {
        let number = { (value: UInt64) in JSONValue.integer(Int64(clamping: value)) }
        return ["p50": number(p50), "p90": number(p90), "p99": number(p99), "p99.9": number(p999), "max": number(max)]
    }
}
