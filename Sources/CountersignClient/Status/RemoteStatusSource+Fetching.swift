internal import Countersign
internal import Logging
public import ServiceLifecycle
internal import Synchronization

extension RemoteStatusSource: Service {
    /// Fetches at once and then again and again until shutdown.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let now = self.time.elapsed()
                let pause = self.state.withLock { $0.askAt } - now
                if pause > .zero {
                    try? await self.time.sleep(min(pause, .seconds(1)))
                } else {
                    await self.fetch()
                }
            }
        }
    }

    /// Asks once and takes over what comes, if it is good.
    func fetch() async {
        let tag = state.withLock { $0.tag }
        let instance = issuer.configuration.instance
        do {
            let (answer, sentAt) = try await issuer.ask(within: configuration.fetchTimeout) { address in
                StatusAnswer.request(to: address, tag: tag, instance: instance)
            } read: { exchange throws(TokenError) in
                (try StatusAnswer(exchange, tag: tag), exchange.sentAt)
            }
            try await take(answer, sentAt: sentAt)
        } catch let error as TokenError {
            guard error.code != .cancelled else { return }
            failed(error.code.rawValue, error.message, retryAfter: error.retryAfter)
        } catch let error as StatusError {
            failed(error.code.rawValue, error.message, retryAfter: nil)
        } catch {
            failed("keys-unavailable", "\(error)", retryAfter: nil)
        }
    }

    private func take(_ answer: StatusAnswer, sentAt: Duration) async throws {
        guard case .document(let bytes, let tag, let age) = answer else {
            state.withLock { $0.confirmed(sentAt: sentAt, time: time, poll: configuration.poll) }
            return
        }
        let kid = try RevocationStatus.keyID(of: bytes)
        let set = try await keys.keySet(fetchedSince: sentAt, within: configuration.fetchTimeout)
        guard state.withLock({ $0.status?.revocations.keyIDs.contains(kid) }) != true else {
            throw StatusError(.keyUnknown, "the status is signed by \(kid), which is revoked")
        }
        let status = try RevocationStatus(
            verifying: bytes, with: set.keys, issuer: expectedIssuer, at: time.wallClock(), leeway: configuration.leeway
        )
        let before = state.withLock { $0.status?.number }
        try state.withLock { state throws(StatusError) in
            try state.succeeded(
                status, tag: tag, age: age, sentAt: sentAt, time: time, poll: configuration.poll
            )
        }
        if before != status.number {
            logger.info("status taken over", metadata: ["number": "\(status.number)"])
        }
    }

    private func failed(_ code: String, _ message: String, retryAfter: Duration?) {
        let isNew = state.withLock { state in
            defer { state.failed(message, retryAfter: retryAfter, time: time, poll: configuration.poll) }
            return state.failure != message
        }
        if isNew {
            logger.warning("no new status", metadata: ["code": "\(code)", "error": "\(message)", "ready": "\(isReady)"])
        }
    }
}
