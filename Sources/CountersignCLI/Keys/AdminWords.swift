import CountersignJSON

/// Reports of admins' commands, in the words that several commands share.
enum AdminWords {
    /// Within what time what was revoked or denied is dead, and where it is so already.
    static func writeBound(_ report: JSONObject) {
        guard let status = report.object("status"), let everywhere = status.integer("deadEverywhereWithin"),
            let reached = status.integer("deadWhereReachedWithin")
        else {
            return
        }
        StandardOutput.write(
            "dead at receivers that poll the status within \(duration(everywhere)), "
                + "within \(duration(reached)) where they reach the issuer"
        )
        if let receivers = status.object("receivers"), receivers.integer("total") ?? 0 > 0, let words = receivers.string("words")
        {
            StandardOutput.write("receivers: \(words)")
        }
        let without = status.strings("withoutStatus") ?? []
        if !without.isEmpty {
            StandardError.write(
                "warning: the bound does not hold for \(without.joined(separator: ", ")): they fetch the key set and not the status"
            )
        }
    }

    /// What was done all the same, and should be known.
    static func writeWarnings(_ report: JSONObject) {
        for warning in report.strings("warnings") ?? [] {
            StandardError.write("warning: \(warning)")
        }
    }

    /// A key that signs before everybody has it.
    static func warnOfPromotion(_ report: JSONObject, announced: Bool) {
        guard !announced, let promotion = report.string("promotion"), promotion == "emergency" || promotion == "forced" else {
            return
        }
        if promotion == "emergency" {
            StandardError.write(
                "warning: receivers that fetched the key set before refuse its tokens until they fetch again; "
                    + "a planned rotation would have waited \(report.integer("announceFor") ?? 0) s for them"
            )
        }
        let waiting = (report.object("receivers")?.array("waiting") ?? []).compactMap { $0.object?.string("name") }
        if !waiting.isEmpty {
            StandardError.write("warning: until they fetch it, callers are refused at \(waiting.joined(separator: ", "))")
        }
    }

    /// `2 min 2 s`
    static func duration(_ seconds: Int64) -> String {
        var rest = seconds
        var parts: [String] = []
        for (unit, name) in [(3600, "h"), (60, "min"), (1, "s")] as [(Int64, String)] where rest >= unit {
            parts.append("\(rest / unit) \(name)")
            rest %= unit
        }
        return parts.isEmpty ? "0 s" : parts.joined(separator: " ")
    }
}
