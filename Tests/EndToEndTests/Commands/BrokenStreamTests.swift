import CountersignTesting
import Foundation
import Testing

/// What a command does when what it says cannot be written.
@Suite(.serialized) struct BrokenStreamTests {
    private let files: TestDirectory

    init() throws {
        files = try TestDirectory()
        #expect(try Program.run("keys", "init", "--keys", "keys", in: files).succeeded)
    }

    /// Runs `countersign` with what a shell does to its streams.
    private func run(_ command: String) throws -> Shell.Result {
        let script = "set -o pipefail; program() { timeout --kill-after=5 60 env TMPDIR=. '\(Program.path)' \"$@\"; }; \(command)"
        return try Shell.run("bash", ["-c", script], directory: files.path)
    }

    #if os(Linux)
        @Test(arguments: ["keys list --keys keys", "keys list --keys keys --json", "--help", "--version", "token inspect --help"])
        func aFullDiskIsToldAndNothingElse(command: String) throws {
            let result = try run("program \(command) > /dev/full")
            #expect(result.exitCode == 70, "\(result)")
            #expect(result.standardError == "error: standard output cannot be written: the disk is full")
            #expect(try run("program \(command) > good").succeeded)
        }

        @Test func aFullDiskUnderStandardErrorChangesNothing() throws {
            #expect(try run("program keys list --keys nokeys 2> /dev/full").exitCode == 78)
            #expect(try run("program keys list 2> /dev/full").exitCode == 64)
            #expect(try run("program keys list --keys keys > /dev/full 2>&1").exitCode == 70)
        }
    #endif

    @Test func aClosedStandardOutputIsTold() throws {
        let result = try run("program keys list --keys keys >&-")
        #expect(result.exitCode == 70, "\(result)")
        #expect(result.standardError == "error: standard output cannot be written: it is closed")
    }

    /// What is opened next would otherwise have the number of the stream, and be written to.
    @Test func aClosedStreamIsNoOtherFile() throws {
        #expect(try run("program keys init --keys made <&- >&- 2>&-").exitCode == 70)
        #expect(try run("program keys list --keys made").succeeded)
        #expect(try run("program keys init --keys made <&- >&- 2>&-").exitCode == 1)
        #expect(try run("program keys list --keys made").succeeded)
        #expect(try run("program keys list --keys nokeys 2>&-").exitCode == 78)
        #expect(try run("program token inspect - <&-").exitCode != 0)
    }

    @Test(arguments: ["keys list --keys keys", "--help"]) func aReaderThatHasGoneEndsItQuietly(command: String) throws {
        let result = try run("\(Self.toNobody); program \(command) >&3")
        #expect(result.exitCode == 141, "\(result)")
        #expect(result.standardError.isEmpty, "\(result)")
        #expect(try run("\(Self.toNobody); program keys list --keys nokeys 2>&3").exitCode == 78)
    }

    /// A pipe whose reader is gone before the first byte comes.
    private static let toNobody = "exec 3> >(true); wait $!"

    @Test(.timeLimit(.minutes(2))) func afterUseOfTheNetworkToo() async throws {
        let folder = try IssuerFolder()
        let issuer = try await RunningIssuer.start(folder)
        let fetch =
            "\(Self.toNobody); cd '\(folder.files.path)'; program token fetch --issuer https://127.0.0.1:\(issuer.port) --cert certs/user-svc/cert.pem"
            + " --key certs/user-svc/key.pem --ca certs/ca.pem --audience search-svc"
        let gone = try run("\(fetch) >&3")
        #expect(gone.exitCode == 141 && gone.standardError.isEmpty, "\(gone)")
        #if os(Linux)
            let full = try run("\(fetch) > /dev/full")
            #expect(full.exitCode == 70, "\(full)")
            #expect(full.standardError == "error: standard output cannot be written: the disk is full")
        #endif
        #expect(try run("\(fetch) > token").succeeded)
        #expect(try await issuer.stop() == 0)
    }

    @Test(.timeLimit(.minutes(2))) func theDemoLeavesNoKeysBehindWhenItsReaderGoes() throws {
        let result = try run("program demo | head -1")
        #expect(result.exitCode == 141, "\(result)")
        #expect(result.standardOutput.hasPrefix("ok "))
        #expect(try folders().isEmpty)
    }

    @Test(.timeLimit(.minutes(2)), arguments: [SIGINT, SIGTERM, SIGHUP])
    func theDemoLeavesNoKeysBehindWhenItIsStopped(signal: Int32) async throws {
        let demo = try RunningProgram(["demo"], in: files, environment: ["TMPDIR": files.path])
        try await eventually("the demo's keys") {
            try folders().contains { FileManager.default.fileExists(atPath: "\(files.path)/\($0)/keys") }
        }
        kill(try demo.program.identifier, signal)
        #expect(try await demo.exitCode() == 128 + signal)
        #expect(try folders().isEmpty)
    }

    private func folders() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: files.path).filter { $0.hasPrefix("countersign-demo-") }
    }
}
