internal import CountersignCrypto
internal import CountersignTLS
internal import Logging
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// Reads the configuration file again when its contents change, or when asked to.
///
/// A file that does not load changes nothing. One that does is taken over as a whole, except for what only a restart can change,
/// which is said. Everything happens in ``run()``, one thing after the other, so that an older file never replaces a newer one.
final class Reloader: Service {
    private let state: IssuerState
    private let pollInterval: Duration
    private let seen: Mutex<Seen>
    private let isAsked = Mutex(false)

    private struct Seen {
        /// Of the contents last acted upon, good or bad.
        var acted: SHA256Digest?
        /// Of the contents at the last look. They are acted upon when they are the same at two looks, so that a file is not
        /// read while somebody writes it.
        var last: SHA256Digest?
        /// The last reason why the file could not be read at all.
        var unreadable: ConfigurationError?
        var looks = LargeFileLooks()
        /// What was read and could not be taken over yet, and why; tried again at every look until there is something newer.
        var waiting: (configuration: IssuerConfiguration, because: String)?
    }

    init(state: IssuerState, pollInterval: Duration) {
        self.state = state
        self.pollInterval = pollInterval
        let digest = state.snapshot.configuration.digest
        seen = Mutex(Seen(acted: digest, last: digest))
    }

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try await Task.sleep(for: self.pollInterval)
                let isAsked = self.isAsked.withLock { isAsked in
                    defer { isAsked = false }
                    return isAsked
                }
                if isAsked {
                    await self.reloadCertificates()
                }
                await self.look(force: isAsked)
            }
        }
    }

    /// Asks for configuration and certificates to be read again, changed or not, at the next look.
    func reload() {
        isAsked.withLock { $0 = true }
    }
}

extension Reloader {
    private func reloadCertificates() async {
        let outcome: ReloadableTLS.Outcome? = try? await NIOThreadPool.singleton.runIfActive { [state] in
            do throws(TLSError) {
                return try state.tls.reload(at: state.clock()) ? .replaced(state.tls.current) : nil
            } catch {
                return .failed(error)
            }
        }
        if let outcome {
            CertificateWatch.report(outcome, state)
        }
    }

    private func look(force: Bool) async {
        let result = try? await NIOThreadPool.singleton.runIfActive { self.readIfChanged(force: force) }
        switch result {
        case .success(let configuration)?:
            await take(configuration)
        case .failure(let error)?:
            for problem in error.problems {
                state.logger.error("configuration not reloaded, the old one stays in use", metadata: ["problem": "\(problem)"])
            }
        case nil:
            if let waiting = seen.withLock(\.waiting) { await take(waiting.configuration) }
        }
    }

    /// - Returns: `nil` when there is nothing new to act upon.
    private func readIfChanged(force: Bool) -> Result<IssuerConfiguration, ConfigurationError>? {
        let file = state.snapshot.configuration.file
        let stamp = FileStamp(of: file)
        let isSpared = seen.withLock { $0.looks.spares(stamp, isSettled: $0.last == $0.acted && $0.unreadable == nil) }
        guard force || !isSpared else {
            return nil
        }
        let bytes: [UInt8]
        do {
            bytes = try IssuerConfiguration.read(file)
        } catch {
            let isNews = seen.withLock { seen in
                defer { seen.unreadable = error }
                return force || seen.unreadable != error
            }
            return isNews ? .failure(error) : nil
        }
        let digest = SHA256.digest(of: bytes)
        let isNews = seen.withLock { seen in
            let isSettled = seen.last == digest
            seen.last = digest
            seen.unreadable = nil
            guard force || (isSettled && seen.acted != digest) else {
                return false
            }
            seen.acted = digest
            seen.waiting = nil
            return true
        }
        guard isNews else {
            return nil
        }
        do {
            return .success(try IssuerConfiguration.parse(bytes, file: file))
        } catch {
            return .failure(error)
        }
    }
}

extension Reloader {
    private func take(_ new: IssuerConfiguration) async {
        let old = state.snapshot.configuration
        let effective = new.keepingWhatNeedsRestart(of: old)
        do {
            if effective.keys.parameters != old.keys.parameters {
                try await state.keys.adopt(effective.keys.parameters, at: state.clock())
            }
            state.replace(with: try IssuerSnapshot(effective, after: state.snapshot))
        } catch {
            return wait(with: new, because: "\(error)")
        }
        seen.withLock { $0.waiting = nil }
        for key in new.changesThatNeedRestart(since: old) {
            state.logger.warning("\(key) was changed in the configuration: restart the issuer to make it take effect")
        }
        for warning in effective.warnings {
            state.logger.warning("\(warning)")
        }
        state.logger.notice(
            "configuration reloaded",
            metadata: [
                "file": "\(effective.file)", "services": "\(effective.policy.directory.services.count)",
                "admins": "\(effective.policy.admins.count)",
            ]
        )
    }

    /// The file is good, and the key ring that belongs to it cannot be changed now.
    private func wait(with configuration: IssuerConfiguration, because problem: String) {
        let isNews = seen.withLock { seen in
            defer { seen.waiting = (configuration, problem) }
            return seen.waiting?.because != problem
        }
        if isNews {
            state.logger.error("configuration not reloaded, the old one stays in use", metadata: ["problem": "\(problem)"])
        }
    }
}
