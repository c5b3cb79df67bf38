public import CountersignCrypto
internal import NIOPosix

extension ReloadableTLS {
    /// Looks at the files again and again and takes over what is good, until the task is cancelled; what is taken over when is
    /// said at ``ReloadableTLS``.
    ///
    /// Contents are compared, not dates or names, so a file written in place, a file renamed over the old one and a
    /// directory swapped by symbolic link (as Kubernetes does) are all noticed. Each look costs a read of all files, on a
    /// thread where blocking is allowed.
    ///
    /// - Parameters:
    ///   - interval: The pause between two looks.
    ///   - clock: The time used to check what was found.
    ///   - onOutcome: Told of every replacement, of certificate and key or of CA and lists, and once of each failure;
    ///     `unchanged` means that a failure has gone away because the files hold again what is loaded.
    public func watch(
        every interval: Duration,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        onOutcome: @Sendable (Outcome) -> Void
    ) async {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: interval)
                let outcome = try await settled(at: clock) { try await Task.sleep(for: .milliseconds(250)) }
                if let outcome { onOutcome(outcome) }
            } catch {
                // Cancelled: the sleep and the thread pool throw nothing else.
                return
            }
        }
    }

    /// Looks once, and after a failure once more: certificate and key are two files, and whoever replaces them does so one after
    /// the other. What has passed when the pause is over was no failure.
    package func settled(at clock: @escaping @Sendable () -> Timestamp, pause: () async throws -> Void) async throws -> Outcome? {
        let hadFailed = failure != nil
        let first = try await NIOThreadPool.singleton.runIfActive { self.poll(at: clock()) }
        guard case .failed = first else { return first }
        try await pause()
        switch try await NIOThreadPool.singleton.runIfActive({ self.poll(at: clock()) }) {
        // The end of a failure that nobody has been told of.
        case .unchanged where !hadFailed: return nil
        case let second?: return second
        // The files are as they were. Somebody else may have taken them over by ``reload(at:)``.
        case nil: return failure == nil ? nil : first
        }
    }
}
