import CountersignClient
import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import CountersignTLS
import Logging
import NIOCore
import ServiceLifecycle

/// The steps of the demo, in order.
struct DemoStory {
    let folder: DemoFolder

    /// Sets the scene, tells the story, and stops everything that was started.
    ///
    /// - Throws: `CommandFailure` when issuer or receiver cannot listen.
    func tell() async throws -> DemoReport {
        var report = DemoReport()
        try await folder.prepare(&report)
        let log = DemoLog()
        let configuration = try ConfigurationFile.load(folder.path("countersign.yaml"))
        let issuer = try await IssuerService(configuration, logger: log.logger)
        let receiver = try DemoReceiver(folder: folder, issuerAddress: folder.issuerAddress, port: folder.receiverPort, log: log)
        let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
        let group = ServiceGroup(
            configuration: .init(
                services: [issuer] + receiver.services { isReady.yield() },
                logger: Logger(label: "countersign.demo.services") { _ in SwiftLogNoOpLogHandler() }
            )
        )
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { isReady.finish() }
                try await run(group)
            }
            // The receiver listens once it has the issuer's keys, or the group ends before that and says why.
            guard await ready.contains(where: { true }) else {
                try await tasks.waitForAll()
                throw CommandFailure.software("issuer and receiver stopped before they were ready")
            }
            report.step("the issuer and a receiving service start", expected: "listening", happened: "listening")
            try await play(&report, receiver: receiver, log: log)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return report
        }
    }

    private func run(_ group: ServiceGroup) async throws {
        // The ports were free when they were chosen; somebody else can have one by now.
        let hint = "run it again\(folder.isKept ? " with another --keep" : ""): it takes other ports"
        do {
            try await group.run()
        } catch let error as IssuerStartError {
            throw CommandFailure.software(error.message, hint: error.code == .address ? hint : error.hint)
        } catch {
            // The receiver's: the issuer tells its own in its own words.
            guard let failure = ListenFailure(error, on: "127.0.0.1:\(folder.receiverPort)") else { throw error }
            throw CommandFailure.software(failure.message, hint: hint)
        }
    }

    private func play(_ report: inout DemoReport, receiver: DemoReceiver, log: DemoLog) async throws {
        let caller = try DemoCaller("user-svc", folder: folder, log: log)
        let thief = try DemoCaller("thief-svc", folder: folder, log: log)
        let stranger = try DemoCaller("user-svc", of: .otherAuthority, folder: folder, log: log)
        let nobody = try DemoCaller(nobodyIn: folder, log: log)

        let token = try await caller.fetch("search-svc")
        report.step(
            "user-svc fetches a token over mutual TLS",
            expected: "a token of user-svc for search-svc with the roles reader writer",
            happened: "a token of \(token.claims.serviceID) for \(token.claims.audience.joined(separator: " ")) "
                + "with the roles \(token.claims.roles.joined(separator: " "))"
        )
        report.step("user-svc calls search-svc with it", expected: "200", happened: try await caller.call(token))
        report.step("a call without a token", expected: "401 no-token", happened: try await caller.call(nil))
        report.step(
            "a call without a certificate", expected: "handshake refused: no-certificate", happened: try await nobody.call(token)
        )
        report.step(
            "a call with a certificate of another authority", expected: "handshake refused: certificate-untrusted",
            happened: try await stranger.call(token)
        )
        report.step(
            "the token stolen by another good service", expected: "401 service-mismatch", happened: try await thief.call(token)
        )
        report.step(
            "thief-svc, which is granted nothing, asks for a token", expected: "refused: unauthorized_client",
            happened: await thief.refusal(of: "search-svc")
        )
        let foreign = try await caller.fetch("billing-svc")
        report.step("a token for another audience", expected: "401 audience-mismatch", happened: try await caller.call(foreign))
        let batch = try DemoCaller("batch-svc", folder: folder, log: log)
        let short = try await batch.fetch("search-svc")
        try await Task.sleep(for: .seconds(max(0, short.expiresAt.seconds(since: .now())) + 1))
        report.step(
            "a token of one second, two seconds later", expected: "401 token-expired", happened: try await batch.call(short))

        try await revoke(&report, receiver: receiver, log: log)
        try await DemoRotation(folder: folder, receiver: receiver, log: log).play(&report)
    }

    /// A certificate is revoked while its connection stays open.
    private func revoke(_ report: inout DemoReport, receiver: DemoReceiver, log: DemoLog) async throws {
        let leaver = try DemoCaller("leaver-svc", folder: folder, log: log)
        let token = try await leaver.fetch("search-svc")
        report.step("leaver-svc calls with a good certificate and token", expected: "200", happened: try await leaver.call(token))
        try folder.revoke("leaver-svc")
        try receiver.tls.reload(at: .now())
        report.step(
            "the same on the same connection, once it is revoked", expected: "401 certificate-revoked",
            happened: try await leaver.call(token)
        )
        let again = try DemoCaller("leaver-svc", folder: folder, log: log)
        report.step(
            "the same on a new connection", expected: "handshake refused: certificate-revoked",
            happened: try await again.call(token)
        )
    }
}
