import CountersignTesting
import NIOCore
import NIOPosix
import Testing

@testable import CountersignCLI

/// `countersign demo` tells the whole story.
@Suite(.serialized) struct DemoTests {
    @Test func leavesARunnableIssuerWhenAsked() async throws {
        let files = try TestDirectory()
        let result = try Program.run("demo", "--keep", "kept", in: files)
        #expect(result.succeeded, "\(result)")
        let commands = result.standardOutput.split(separator: "\n").map { $0.drop { $0 == " " } }
        #expect(commands.contains { $0.hasSuffix("/countersign serve --config countersign.yaml") })
        // Not served: its ports may be somebody else's by now.
        let check = try Program.run("config", "check", "kept/countersign.yaml", in: files)
        #expect(check.succeeded, "\(check)")
        let again = try Program.run("demo", "--keep", "kept", in: files)
        #expect(again.exitCode == 64, "\(again)")
        #expect(again.error.contains("kept is not empty"))
    }

    @Test func writesOverNothing() async throws {
        let files = try TestDirectory()
        try files.write("precious", to: "countersign.yaml")
        let nameless = try Program.run("demo", "--keep", "", in: files)
        #expect(nameless.exitCode == 64, "\(nameless)")
        #expect(nameless.error == "--keep names no folder" && !nameless.hint.isEmpty)
        // A folder that cannot be listed is not an empty one.
        let file = try Program.run("demo", "--keep", "countersign.yaml", in: files)
        #expect(file.exitCode == 64, "\(file)")
        #expect(file.error == "cannot list countersign.yaml: it or a part of its path is no directory")
        #expect(try files.contents() == ["countersign.yaml"])
        // Nor is a file replaced that has come since.
        let folder = try await DemoFolder(keep: files.path("kept"))
        try files.write("precious", to: "kept/countersign.yaml")
        var report = DemoReport()
        let failure = await #expect(throws: CommandFailure.self) { try await folder.prepare(&report) }
        #expect(failure?.message == "cannot open \(folder.path("countersign.yaml")): it is there already")
        #expect(try files.read("kept/countersign.yaml") == Array("precious".utf8))
        #expect(try files.read("countersign.yaml") == Array("precious".utf8))
    }

    @Test func tellsTheWholeStoryAndLeavesNothingBehind() throws {
        let files = try TestDirectory()
        let result = try Program.run(["demo"], in: files, environment: ["TMPDIR=\(files.path)"])
        #expect(result.succeeded, "\(result)")
        let steps = result.standardOutput.split(separator: "\n").filter { $0.hasPrefix("ok  ") }
        #expect(!result.standardOutput.contains("FAIL"), "\(result)")
        for text in [
            "a token of user-svc for search-svc", "200", "401 no-token", "handshake refused: no-certificate",
            "handshake refused: certificate-untrusted", "401 service-mismatch", "refused: unauthorized_client",
            "401 audience-mismatch",
            "401 token-expired", "401 certificate-revoked", "handshake refused: certificate-revoked",
            "tokens by 2 keys were accepted",
        ] {
            #expect(steps.contains { $0.contains(text) }, "\(text): \(result)")
        }
        #expect(result.standardOutput.contains("All \(steps.count) steps went as expected."))
        #expect(try files.contents().filter { !$0.hasPrefix("countersign-test-") } == [])
    }

    /// The ports are let go before they are used, so somebody can be faster.
    @Test(.timeLimit(.minutes(2)), arguments: ["issuer", "operations", "receiver"])
    func endsAndSaysWhyWhenAPortIsTakenMeanwhile(whose: String) async throws {
        let files = try TestDirectory()
        let folder = try await DemoFolder(keep: files.path("kept"))
        let ports = ["issuer": folder.issuerPort, "operations": folder.operationsPort, "receiver": folder.receiverPort]
        let taken = try #require(ports[whose])
        // Where this fails somebody else has the port, which is as good.
        let other = try? await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: taken)
            .get()
        let failure = await #expect(throws: CommandFailure.self) { try await DemoStory(folder: folder).tell() }
        #expect(failure?.exitCode == .software)
        #expect(failure?.message.hasPrefix("cannot listen on 127.0.0.1:\(taken): ") == true, "\(String(describing: failure))")
        #expect(failure?.hint?.isEmpty == false)
        try await other?.close()
    }
}
