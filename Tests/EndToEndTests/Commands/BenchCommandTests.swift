import CountersignCrypto
import CountersignJSON
import CountersignTesting
import Foundation
import Testing

/// `countersign bench` against a running issuer. Nothing is said about speed.
@Suite(.serialized, .runningIssuer) struct BenchCommandTests {
    let issuer: RunningIssuer
    let files: TestDirectory

    init() throws {
        issuer = try #require(RunningIssuer.current)
        files = issuer.folder.files
    }

    private static let fields = [
        "mode", "issuer", "audience", "connections", "requestedPerSecond", "warmupSeconds", "durationSeconds", "elapsedSeconds",
        "isWhole", "tokens", "tokensPerSecond", "latencyMicroseconds", "failed", "failures", "unsent", "resumedHandshakes",
        "fullHandshakes", "issuerPID", "issuerCPUMicrosecondsPerToken", "issuerResidentBytes",
        "limitRSA2048SignaturesPerSecond", "limitHandshakesPerSecond", "limitTokensPerSecond", "ratioToLimit",
    ]

    private func arguments(_ mode: String, _ options: [String: String] = [:]) -> [String] {
        var all = [
            "--issuer": "https://127.0.0.1:\(issuer.port)", "--cert": "certs/user-svc/cert.pem",
            "--key": "certs/user-svc/key.pem", "--ca": "certs/ca.pem", "--audience": "search-svc", "--connections": "3",
            "--duration": "3s", "--warmup": "1s",
        ]
        all.merge(options) { $1 }
        return ["bench", mode] + all.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
    }

    private func bench(_ mode: String, _ options: [String: String] = [:], _ more: String...) throws -> Shell.Result {
        try Program.run(arguments(mode, options) + more, in: files)
    }

    @Test(arguments: ["mint", "connect", "resume"]) func everyModeAnswersWithWholeFigures(mode: String) throws {
        let result = try bench(mode, [:], "--json")
        #expect(result.succeeded, "\(result)")
        #expect(result.standardError.isEmpty)
        let figures = try JSONReader.parseObject(result.output)
        #expect(figures.names == Self.fields)
        #expect(figures["isWhole"]?.bool == true)
        #expect(figures.integer("failed") == 0 && figures.array("failures")?.isEmpty == true)
        let tokens = try #require(figures.integer("tokens"))
        #expect(tokens > 0)
        let latency = try #require(figures.object("latencyMicroseconds"))
        #expect(latency.names == ["p50", "p90", "p99", "p99.9", "max"])
        let values = latency.members.compactMap(\.value.integer)
        #expect(values.count == 5 && values == values.sorted() && values.allSatisfy { $0 > 0 })
        #expect(figures["requestedPerSecond"] == .null && figures.integer("unsent") == 0)
        let (resumed, full) = (figures.integer("resumedHandshakes"), figures.integer("fullHandshakes"))
        switch mode {
        case "connect": #expect(resumed == 0 && full == tokens)
        case "resume": #expect(try #require(resumed) > 0 && full == tokens - (resumed ?? 0))
        default: #expect(resumed == nil && full == nil && figures["limitHandshakesPerSecond"] == .null)
        }
        #if os(Linux)
            let parent = try String(contentsOfFile: "/proc/\(figures.integer("issuerPID") ?? 0)/status", encoding: .utf8)
            #expect(parent.contains("PPid:\t\(issuer.processIdentifier)\n"), "\(parent)")
            #expect(try #require(figures.integer("issuerResidentBytes")) > 1 << 20)
        #endif
    }

    /// Connections are ended as they should be, so that the log of a measured issuer has nothing but tokens.
    @Test(arguments: ["mint", "connect", "resume"]) func theIssuerHasNothingToComplainOf(mode: String) async throws {
        let mark = try issuer.mark()
        #expect(try bench(mode).succeeded)
        try await issuer.logs("token issued", "service=user-svc", since: mark)
        #expect(try !issuer.log(since: mark).contains("refused"))
    }

    /// Its certificate has the address alone, with which tokens can be fetched by that name.
    @Test(arguments: ["mint", "connect"]) func anIssuerIsMeasuredByTheNameItIsReachedBy(mode: String) throws {
        let result = try bench(mode, ["--issuer": "https://localhost:\(issuer.port)"])
        #expect(result.succeeded, "\(result)")
    }

    @Test(arguments: ["mint", "connect"]) func aRateIsKeptToTheRequest(mode: String) throws {
        let options = ["--rate": "20", "--duration": "3s", "--warmup": "0"]
        let figures = try JSONReader.parseObject(try bench(mode, options, "--json").output)
        #expect(figures.integer("requestedPerSecond") == 20)
        let (tokens, unsent) = (try #require(figures.integer("tokens")), try #require(figures.integer("unsent")))
        #expect(tokens > 0 && tokens + unsent == 60, "\(figures)")
    }

    @Test func peopleGetALineForEachFigure() throws {
        let pid = ProcessInfo.processInfo.processIdentifier
        let result = try bench("resume", ["--pid": "\(pid)"], "--progress")
        #expect(result.succeeded, "\(result)")
        let labels = result.standardOutput.split(separator: "\n").compactMap {
            $0.hasPrefix(" ") ? nil : $0.split(separator: " ").first
        }
        #expect(labels == ["mode", "load", "tokens", "handshakes", "latency", "failures", "issuer", "limit", "ratio"])
        #expect(result.standardOutput.contains("p99.9 "))
        #if os(Linux)
            #expect(result.standardOutput.contains("process \(pid): "))
        #endif
        #expect(result.standardError.contains("1 s, "), "\(result)")
    }

    @Test(arguments: ["mint", "connect", "resume"]) func saysThatNobodyListens(mode: String) async throws {
        let port = try await RawConnection.freePort()
        let result = try bench(mode, ["--issuer": "https://127.0.0.1:\(port)"], "--json")
        #expect(result.exitCode == 1 && result.output.isEmpty, "\(result)")
        #expect(result.error.contains("https://127.0.0.1:\(port)") && result.error.contains("nothing listens there"))
        #expect(result.hint == "check the address, and whether the issuer is running")
    }

    @Test(arguments: ["mint", "connect"]) func saysThatTheCertificateIsRefused(mode: String) throws {
        try files.write(try TestAuthority(at: .now()).issue("user-svc"), as: "certs/impostor")
        let result = try bench(mode, ["--cert": "certs/impostor/cert.pem", "--key": "certs/impostor/key.pem"])
        #expect(result.exitCode == 1 && result.output.isEmpty, "\(result)")
        #expect(result.error.contains("refused our certificate CN=user-svc.link.internal,O=Link Service"))
        #expect(!result.hint.isEmpty)
    }

    @Test func saysWhatTheIssuerSays() async throws {
        let audience = try bench("mint", ["--audience": "nobody"])
        #expect(audience.exitCode == 1 && audience.output.isEmpty, "\(audience)")
        #expect(audience.error.hasPrefix("invalid_target: "))
        let odd = try await OddIssuer.start(
            issuer.folder,
            answering: #"connection.sendall(b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n")"#)
        let broken = try bench("connect", ["--issuer": odd.address])
        #expect(broken.exitCode == 1 && broken.output.isEmpty, "\(broken)")
        #expect(broken.error.hasSuffix("answered 500"))
    }

    @Test func saysWhichOfItsOwnFilesIsWrong() throws {
        let result = try bench("mint", ["--key": "certs/gone.pem"])
        #expect(result.exitCode == 78 && result.error.contains("certs/gone.pem does not exist"), "\(result)")
    }

    @Test func aimsAtThisMachineUnlessToldOtherwise() throws {
        for host in ["192.0.2.1", "tokens.example", "127.0.0.1.example", "[2001:db8::1]", "[::ffff:127.0.0.1]"] {
            let result = try bench("mint", ["--issuer": "https://\(host):8443"])
            #expect(result.exitCode == 64, "\(result)")
            #expect(
                result.error
                    == "https://\(host):8443 is not an address of this machine (localhost, 127.0.0.0/8 or ::1), and a load test can "
                    + "keep others from working")
            #expect(result.hint == "if it is your issuer and may be loaded, add --allow-remote")
        }
        let allowed = try bench("mint", ["--issuer": "https://tokens.invalid:8443"], "--allow-remote")
        #expect(allowed.exitCode == 1 && allowed.error.contains("tokens.invalid"), "\(allowed)")
    }

    @Test func saysWhatCannotBeMeasured() throws {
        for options in [
            ["--connections": "0"], ["--duration": "0"], ["--rate": "0"], ["--warmup": "11m"], ["--pid": "2147483647"],
            ["--issuer": "http://127.0.0.1:1"],
        ] {
            let result = try bench("mint", options)
            #expect(result.exitCode == 64 && !result.error.isEmpty, "\(options): \(result)")
        }
    }

    @Test(arguments: ["mint", "connect", "resume"]) func saysThatTheRunBrokeOff(mode: String) async throws {
        let folder = try IssuerFolder()
        let other = try await RunningIssuer.start(folder)
        let options = ["--issuer": "https://127.0.0.1:\(other.port)", "--duration": "60s", "--warmup": "0"]
        let bench = try RunningProgram(arguments(mode, options) + ["--progress"], in: folder.files)
        try await bench.logs("s, measuring: ")
        // To `timeout`, which started it: the time is over. It kills the issuer.
        other.send(SIGALRM)
        #expect(try await bench.exitCode() == 1)
        #expect(
            bench.log.contains("error: the run broke off: https://127.0.0.1:\(other.port) no longer answers ("), "\(bench.log)")
        #expect(bench.log.contains("; the figures are not whole\n"))
    }
}
