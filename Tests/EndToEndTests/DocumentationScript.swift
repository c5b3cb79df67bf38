import CountersignTesting
import Foundation
import NIOCore
import NIOPosix

/// The `sh` blocks of a page as one script in a folder of its own, with the built `countersign` on the PATH.
///
/// Everything the script starts in the background belongs to its process group and ends with it. The ports that the
/// documentation uses are replaced by free ones.
struct DocumentationScript {
    /// What became of a script.
    struct Outcome {
        let succeeded: Bool
        /// The index of the block that was reached last.
        let lastBlock: Int?
        /// What each block printed, standard output and standard error together.
        let output: [Int: String]
    }

    let page: DocumentationPage
    /// Written number to number used.
    let ports: [String: String]

    /// The numbers that stand for ports in the documentation.
    static let documentedPorts = ["8443", "9090", "9443", "9444"]

    init(_ page: DocumentationPage) throws {
        self.page = page
        ports = Dictionary(uniqueKeysWithValues: zip(Self.documentedPorts, try Self.freePorts(Self.documentedPorts.count)))
    }

    /// Runs the script; after five minutes it is killed.
    func run() async throws -> Outcome {
        let files = try TestDirectory()
        try FileManager.default.createDirectory(atPath: files.path("folder"), withIntermediateDirectories: false)
        try files.write(text(output: files.path), to: "script")
        let exitCode = try await Self.run(script: files.path("script"), in: files.path("folder"))
        let last = (try? files.read("block")).flatMap { Int(String(decoding: $0, as: UTF8.self)) }
        var output: [Int: String] = [:]
        for index in page.blocks.indices {
            output[index] = (try? files.read("output.\(index)")).map { String(decoding: $0, as: UTF8.self) }
        }
        return Outcome(succeeded: exitCode == 0, lastBlock: last, output: output)
    }

    /// A text of the page with the ports that are used instead.
    func withPorts(_ text: String) -> String {
        // In one go: the digits of a number just put in may be those of another.
        text.replacing(/[0-9]+/) { number in ports[String(number.output)] ?? String(number.output) }
    }

    private func text(output: String) -> String {
        var lines = [
            "set -euo pipefail",
            "trap 'status=$?; kill $(jobs -p) 2>/dev/null || true; wait; exit $status' EXIT",
        ]
        for (index, block) in page.blocks.enumerated() where block.language == "sh" && block.notRun == nil {
            lines += ["printf \(index) > \(output)/block", "{", withPorts(block.text), "} > \(output)/output.\(index) 2>&1"]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `timeout` makes a process group of its own and ends all of it.
    private static func run(script: String, in folder: String) async throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["timeout", "--kill-after=10", "300", "bash", script]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        var environment = ProcessInfo.processInfo.environment
        // The system's Python before any other: it has the system's packages.
        environment["PATH"] = "\(builtProducts):/usr/bin:\(environment["PATH"] ?? "/bin")"
        environment["no_proxy"] = "localhost,127.0.0.1"
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        return try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do {
                try process.run()
            } catch {
                process.terminationHandler = nil
                continuation.resume(throwing: error)
            }
        }
    }

    /// The folder of the test bundle, where the products of the same build are.
    static let builtProducts: String = {
        let bundle = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments.first ?? "")
        return bundle.resolvingSymlinksInPath().deletingLastPathComponent().path
    }()

    /// Ports nobody listens on, all different: they are held open together until all are known.
    static func freePorts(_ count: Int) throws -> [String] {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        let channels = try (0..<count).map { _ in try bootstrap.bind(host: "127.0.0.1", port: 0).wait() }
        defer { for channel in channels { try? channel.close().wait() } }
        return channels.compactMap(\.localAddress?.port).map(String.init)
    }
}
