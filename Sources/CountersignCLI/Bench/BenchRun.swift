import CountersignClient
import CountersignCrypto
import CountersignTLS
import Foundation
import NIOCore
import NIOPosix

/// One measurement, from the files to the report.
struct BenchRun {
    private let mode: BenchMode
    private let options: BenchOptions
    private let threads: Int

    init(_ mode: BenchMode, _ options: BenchOptions, threads: Int = 1) {
        self.mode = mode
        self.options = options
        self.threads = threads
    }

    /// - Throws: `CommandFailure`; also after the report, when its figures are not those of a whole run.
    func run() async throws {
        let target = try BenchTarget(options.caller.issuer, allowRemote: options.allowRemote)
        let material: TLSMaterial
        do {
            material = try TLSMaterial(options.caller.files, role: .client, at: .now())
        } catch {
            throw CommandFailure.configuration(error.message, hint: error.hint)
        }
        let request = try await probe(target, material)
        let address = try await target.locate(material)
        let process = try issuerProcess(target)
        let callers = try await callers(of: target, at: address, material, request)
        let mode = mode
        let limit = try await NIOThreadPool.singleton.runIfActive { try MachineLimit.measure(mode) }
        let load = BenchLoad(options.plan)
        let use = try await watching(load, process) { try await callers(load) }
        let report = BenchReport(
            mode: mode, issuer: target.url, audience: options.caller.audience, plan: options.plan, result: load.result(),
            process: process, before: use.before, after: use.after, limit: limit)
        try show(report)
    }

    /// One token, fetched and looked at as the client library does. What cannot work is told here, in its words.
    private func probe(_ target: BenchTarget, _ material: TLSMaterial) async throws -> BenchRequest {
        var sent: IssuerRequest?
        do {
            _ = try await fetchToken(
                from: target.url, tls: material, audience: options.caller.audience, timeout: .seconds(BenchOutcome.timeout)
            ) { request, _ in sent = request }
        } catch {
            let failure = CommandFailure(error)
            if failure.exitCode == .usage { throw failure }
            throw CommandFailure.no(failure.message, hint: failure.hint)
        }
        guard let sent else { throw CommandFailure.software("no request was sent") }
        return BenchRequest(sent)
    }

    private func issuerProcess(_ target: BenchTarget) throws -> IssuerProcess? {
        guard let pid = options.pid else { return target.isLoopback ? .listening(on: target.port) : nil }
        let process = IssuerProcess(identifier: pid)
        guard process.use() != nil else {
            throw CommandFailure.usage(
                "--pid \(pid): there is no such process, or it may not be looked at", hint: "leave it out to have it looked for")
        }
        return process
    }

    /// Everything that is needed to make the load, and is not to be measured.
    private func callers(
        of target: BenchTarget, at address: SocketAddress, _ material: TLSMaterial, _ request: BenchRequest
    ) async throws -> (BenchLoad) async throws -> Void {
        let (connections, threads, isResuming) = (options.connections, threads, mode == .resume)
        if mode == .mint {
            return { load in
                try await KeptAliveLoad(
                    load: load, address: address, serverName: target.serverName, context: material.context, request: request,
                    connections: connections, threads: threads
                ).run()
            }
        }
        let context = try TLSClientContext(
            chain: material.chain, key: material.privateKey, anchors: material.validator.anchors)
        let caller = NewConnectionCaller(
            target: .init(address: address.ipAddress ?? target.host, port: target.port, name: target.serverName),
            context: context, request: request.closingBytes)
        let checked = try await NIOThreadPool.singleton.runIfActive { try caller.checked(target.url) }
        return { load in
            try await NewConnectionLoad(load: load, caller: checked, connections: connections, isResuming: isResuming).run()
        }
    }

    /// Shows the progress of the load, and what the issuer's process had used when measuring began and at the end.
    private func watching(
        _ load: BenchLoad, _ process: IssuerProcess?, _ body: () async throws -> Void
    ) async throws -> (before: IssuerProcess.Use?, after: IssuerProcess.Use?) {
        async let before = Self.use(of: process, load, at: load.measuredFrom)
        async let atEnd = Self.use(of: process, load, at: load.end)
        async let _ = showProgress(of: load)
        try await body()
        // In a closed loop the answers that are still to come then do not count.
        return (await before, options.rate == nil ? await atEnd : process?.use())
    }

    /// What the process has used at a moment, or when the run breaks off before.
    private static func use(
        of process: IssuerProcess?, _ load: BenchLoad, at moment: NIODeadline
    ) async -> IssuerProcess.Use? {
        while NIODeadline.now() < moment, !load.isBroken {
            let rest = (moment - .now()).nanoseconds
            guard (try? await Task.sleep(for: .nanoseconds(max(0, min(rest, 50_000_000))))) != nil else { return nil }
        }
        return process?.use()
    }

    /// A line every second until it is cancelled.
    private func showProgress(of load: BenchLoad) async {
        guard options.progress || isatty(FileHandle.standardError.fileDescriptor) == 1 else { return }
        var before = load.progress
        var seconds = 0
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            let now = load.progress
            // The second that has just gone by.
            let moment = NIODeadline.now() - .milliseconds(500)
            let phase = moment < load.measuredFrom ? "warm-up" : moment < load.end ? "measuring" : "waiting for the last answers"
            seconds += 1
            StandardError.write(
                "\(seconds) s, \(phase): \(now.served - before.served) tokens, \(now.failed - before.failed) failures")
            before = now
        }
    }

    private func show(_ report: BenchReport) throws {
        if options.json {
            StandardOutput.write(exact: try report.json())
        } else {
            StandardOutput.write(table: report.rows)
        }
        if let failure = report.failure { throw failure }
    }
}
