import CountersignJSON
import CountersignTesting
import Foundation
import Testing

@testable import CountersignCLI

/// What the commands take of the machine: processors and memory, as Linux tells them.
@Suite(.serialized) struct ProcessResourcesTests {
    @Test func aFileOfTheSystemIsReadToItsEnd() throws {
        // Longer than what one read gives.
        let mappings = try #require(ProcessFile.text("self/smaps"))
        #expect(mappings.utf8.count > 16 * 1024)
        #expect(mappings.contains("[stack]") && mappings.split(separator: "\n").last?.hasPrefix("VmFlags:") == true)
        #expect(ProcessFile.text("self/no-such-file") == nil)
    }

    @Test func onlyUnchangedCodeOfAFileIsReleased() {
        func mapping(_ header: String, _ details: String...) -> String {
            ([header, "Rss: 4096 kB", "Anonymous: 0 kB", "Swap: 0 kB"] + details + ["VmFlags: rd ex mr"]).joined(separator: "\n")
        }
        let released = [
            mapping("55d0c0400000-55d0c0800000 r-xp 00400000 fe:00 17 /usr/bin/countersign"),
            mapping("7f60f5900000-7f60f5a00000 r-xp 00000000 fe:00 20 /usr/lib/a b.so"),
        ]
        let kept = [
            mapping("55d0c0000000-55d0c0400000 r--p 00000000 fe:00 17 /usr/bin/countersign"),
            mapping("55d0c0800000-55d0c0a00000 rw-p 00800000 fe:00 17 /usr/bin/countersign"),
            mapping("7f60f5300000-7f60f5400000 r-xp 00000000 fe:00 18 /usr/lib/patched.so", "Anonymous: 4 kB"),
            mapping("7f60f5400000-7f60f5500000 r-xp 00000000 fe:00 18 /usr/lib/patched-and-swapped.so", "Swap: 4 kB"),
            mapping("7f60f5500000-7f60f5600000 r-xp 00000000 fe:00 18 /usr/lib/huge.so", "Private_Hugetlb: 2048 kB"),
            mapping("7f60f5600000-7f60f5700000 r-xp 00000000 00:00 0"),
            mapping("7f60f5700000-7f60f5702000 r-xp 00000000 00:00 0 [vdso]"),
            mapping("7f60f5800000-7f60f5900000 rwxp 00000000 fe:00 19 /usr/lib/odd.so"),
            mapping("7f60f5900000-7f60f5800000 r-xp 00000000 fe:00 19 /usr/lib/backwards.so"),
        ]
        let all = (kept.prefix(3) + released + kept.dropFirst(3)).joined(separator: "\n")
        #expect(
            IdleMemory.unchangedCode(in: all) == [0x55d0_c040_0000..<0x55d0_c080_0000, 0x7f60_f590_0000..<0x7f60_f5a0_0000])
        #expect(IdleMemory.unchangedCode(in: "") == [])
        #expect(IdleMemory.residentOfFilesKiB(in: "VmRSS:\t  9 kB\nRssFile:\t   40896 kB\n") == 40896)
    }

    @Test func processorsAreCountedAsTheProcessMayUseThem() throws {
        #expect(Processors.allowed(in: "Name:\tx\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n") == 2)
        #expect(Processors.allowed(in: "Cpus_allowed:\tff,ffffff80\n") == 33)
        #expect(Processors.allowed(in: "Cpus_allowed:\t0\n") == nil && Processors.allowed(in: "") == nil)
        // The mask may have room for processors that the machine does not have.
        let seen = try #require(ProcessFile.text("self/status").flatMap(Processors.allowed))
        #expect(try min(seen, processors(of: "os.sysconf('SC_NPROCESSORS_ONLN')")) == processors())
    }

    /// Two event loops on one processor would wait for each other's time slices.
    @Test(.timeLimit(.minutes(3))) func anIssuerOnOneProcessorHasOneEventLoop() async throws {
        let issuer = try await RunningIssuer.start(IssuerFolder(), under: Self.unsettled)
        let all = try loops(of: issuer)
        #expect(try (1...processors()).contains(all))
        #expect(try await issuer.stop() == 0)

        let list = try #require(
            ProcessFile.text("self/status")?.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") })
        let first = list.drop { !$0.isNumber }.prefix { $0.isNumber }
        let bound = try await RunningIssuer.start(IssuerFolder(), under: Self.unsettled + ["taskset", "-c", String(first)])
        #expect(try loops(of: bound) == 1)
        #expect(try await bound.stop() == 0)
    }

    /// What whoever runs the tests may have settled for all programs goes before what the issuer finds out.
    private static let unsettled = ["env", "--unset=NIO_SINGLETON_GROUP_LOOP_COUNT"]

    /// In the words of the system; `nproc` would go by `OMP_NUM_THREADS` as well.
    private func processors(of expression: String = "len(os.sched_getaffinity(0))") throws -> Int {
        try #require(Int(Shell.run("python3", "-c", "import os; print(\(expression))").standardOutput))
    }

    private func loops(of issuer: RunningIssuer) throws -> Int {
        let process = try issuer.program.identifier
        return try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task").filter { thread in
            ProcessFile.text("\(process)/task/\(thread)/comm")?.hasPrefix("NIO-SGLTN-") == true
        }.count
    }

    @Test(.timeLimit(.minutes(3))) func anAgentThatWaitsIsSmallAndStillRenews() async throws {
        let place = try AgentFolder()
        let issuer = try await place.issuer(lifetime: "30s")
        let agent = try await place.start(issuer, tokens: "      - audience: search-svc\n")
        func token() throws -> String { try place.ask("/token?audience=search-svc").json.string("access_token") ?? "" }
        _ = try token()
        // How much that is depends on the machine and its pages.
        func isSmall() throws -> Bool { try agent.program.residentKiB() * 2 < agent.program.peakKiB() }
        try await eventually("less than half of it resident") { try isSmall() }
        // What was released is there when it is needed: a new token takes a handshake and all that comes after it.
        for _ in 0..<2 {
            let last = try token()
            try await eventually("another token", within: .seconds(60)) { try !["", last].contains(token()) }
            try await eventually("less than half of it resident again") { try isSmall() }
        }
        #expect(try await agent.stop() == 0)
        #expect(try await issuer.stop() == 0)
    }
}
