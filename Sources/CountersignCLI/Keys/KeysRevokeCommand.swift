import ArgumentParser
import CountersignIssuer
import CountersignJSON

/// `countersign keys revoke`
struct KeysRevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Takes a key out of the key set at once.",
        discussion: """
            For a key that others may have. Its tokens are refused wherever the status or the key set is fetched again; the \
            command says within what time that is everywhere. If it was signing, the announced key takes its place, or a new one.

            EXAMPLE
              countersign keys revoke NzbLsXh8 --keys keys --reason "found in a backup"
              countersign keys revoke -kUwpVGC --keys keys
            """
    )

    @Argument(help: ArgumentHelp("The key, or the first six or more characters of its kid.", valueName: "kid"))
    var kid: String

    @OptionGroup var target: AdminTarget

    @Option(help: ArgumentHelp("Why, for the history of the ring and the log.", valueName: "text"))
    var reason: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let report = try await target.perform(.revoke(kid), reason: reason)
        if json {
            try printJSON(report)
        } else {
            StandardOutput.write("revoked \(report.string("kid") ?? ""), which was \(report.string("was") ?? "")")
            if let successor = report.string("successor") {
                StandardOutput.write("\(successor) signs now")
            }
            AdminWords.writeBound(report)
        }
        AdminWords.writeWarnings(report)
        if report.string("successor") != nil {
            AdminWords.warnOfPromotion(report, announced: false)
        }
    }
}
