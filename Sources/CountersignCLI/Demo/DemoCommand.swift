import ArgumentParser
import Foundation

/// `countersign demo`: the whole story on this machine, with everything real but the certificate authority.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Tells the whole story: certificates, issuer, token, receiver, what is refused, a key rotation under traffic.",
        discussion: """
            Uses a throw-away certificate authority, a temporary folder and free ports of the loopback interface. Each step is a \
            line with what was expected and what happened; the exit status is 1 if any of them differs.

            EXAMPLE
              countersign demo
              countersign demo --keep /tmp/countersign-demo
            """
    )

    @Option(
        help: ArgumentHelp("Leave everything runnable in this folder and print the commands to go on with.", valueName: "dir"))
    var keep: String?

    func run() async throws {
        let signals = ProcessEnd.on([SIGINT, SIGTERM, SIGHUP])
        defer { signals.forEach { $0.cancel() } }
        defer { ProcessEnd.removeLeftovers() }
        let folder = try await DemoFolder(keep: keep)
        let story = DemoStory(folder: folder)
        let report = try await story.tell()
        StandardOutput.write(report.summary)
        if folder.isKept { folder.printWhatToDoNext() }
        guard report.isAsExpected else {
            throw CommandFailure.no("\(report.differences) of \(report.steps) steps went otherwise")
        }
    }
}
