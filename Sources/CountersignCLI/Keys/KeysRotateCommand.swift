import ArgumentParser
import CountersignIssuer
import CountersignJSON

/// `countersign keys rotate`
struct KeysRotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Starts a rotation: announces a new key.",
        discussion: """
            The new key is published at once. It signs when its announce time is over and every receiver that was seen lately \
            has fetched it; a running issuer sees to that. Without one, the next `keys rotate` does. The key that signs today \
            stays published until its last token has expired.

            With --force the announced key signs at once, without waiting for time or receivers; it says whose callers are \
            refused. With --now likewise, and a new key is made when none is announced.

            EXAMPLE
              countersign keys rotate --keys keys --reason "yearly rotation"
            """
    )

    @OptionGroup var target: AdminTarget

    @Flag(name: .customLong("now"), help: "Sign with the new key at once, although receivers may not have it yet.")
    var immediately = false

    @Flag(help: "Promote the announced key at once, whoever lacks it.")
    var force = false

    @Option(help: ArgumentHelp("Why, for the history of the ring and the log.", valueName: "text"))
    var reason: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let report = try await target.perform(.rotate(immediately: immediately, force: force), reason: reason)
        if json {
            try printJSON(report)
        } else {
            write(report)
        }
        AdminWords.writeWarnings(report)
        AdminWords.warnOfPromotion(report, announced: report.string("signsFrom") != nil)
    }

    private func write(_ report: JSONObject) {
        let kid = report.string("kid") ?? ""
        if let promoted = report.string("promoted") {
            StandardOutput.write("\(promoted) signs now: its announcement has run its time")
        }
        guard let signsFrom = report.string("signsFrom") else {
            StandardOutput.write("\(kid) signs now")
            return
        }
        StandardOutput.write("announced \(kid), which signs from \(signsFrom)")
        if let receivers = report.object("receivers"), receivers.integer("total") ?? 0 > 0, let words = receivers.string("words")
        {
            StandardOutput.write("receivers: \(words)")
        }
    }
}
