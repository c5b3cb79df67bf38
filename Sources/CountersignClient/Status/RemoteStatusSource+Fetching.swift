internal import Countersign
internal import Logging
public import ServiceLifecycle
internal import Synchronization

extension RemoteStatusSource: Service {
    /// Fetches at once and then again and again until shutdown.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled { try? await self.fetchWhenDue() }
        }
    }

    /// Fetches if it is time to, or waits for the fetch that is on its way; otherwise waits for the time to come, up to a second.
    func fetchWhenDue() async throws {
        let pause = untilDue()
        // Not in one piece: another task's fetch may bring what this one waits for.
        if pause > .zero { return try await time.sleep(min(pause, .seconds(1))) }
        _ = await flights.value(for: Fetch()) {
            // Another task may have fetched it between the look at the time and this.
            if self.untilDue() <= .zero { await self.fetch() }
            return Task.isCancelled ? nil : true
        }
    }

    private func untilDue() -> Duration {
        let now = time.elapsed()
        return state.withLock { $0.askAt } - now
    }

    /// Asks once and takes over what comes, if it is good.
    func fetch() async {
        let tag = state.withLock { $0.tag }
        let instance = issuer.configuration.instance
        // Judged while it is asked for: an issuer whose document is not good is passed over, and the next address is asked.
        let refused = Mutex<StatusError?>(nil)
        let deadline = time.elapsed() + configuration.fetchTimeout
        do throws(TokenError) {
            try await issuer.ask(.status, within: configuration.fetchTimeout) { address in
                StatusAnswer.request(to: address, tag: tag, instance: instance)
            } read: { exchange throws(TokenError) in
                let answer = try StatusAnswer(exchange, tag: tag)
                do {
                    try await self.take(answer, sentAt: exchange.sentAt, until: deadline)
                } catch let error as TokenError {
                    throw error
                } catch let error as StatusError {
                    refused.withLock { $0 = error }
                    throw TokenError(.answerMalformed, "\(exchange.url): \(error.message)", status: exchange.answer.status)
                } catch {
                    throw TokenError(.answerMalformed, "\(exchange.url): \(error)", status: exchange.answer.status)
                }
            }
        } catch {
            guard error.code != .cancelled else { return }
            let code = error.code == .answerMalformed ? refused.withLock { $0?.code.rawValue } : nil
            failed(code ?? error.code.rawValue, error.message, retryAfter: error.retryAfter)
        }
    }

    private func take(_ answer: StatusAnswer, sentAt: Duration, until deadline: Duration) async throws {
        guard case .document(let bytes, let tag, let age) = answer else {
            state.withLock { $0.confirmed(sentAt: sentAt, time: time, poll: configuration.poll) }
            return
        }
        let kid = try RevocationStatus.keyID(of: bytes)
        let set = try await keys.keySet(fetchedSince: sentAt, within: deadline - time.elapsed())
        guard state.withLock({ $0.status?.revocations.keyIDs.contains(kid) }) != true else {
            throw StatusError(.keyUnknown, "the status is signed by \(kid), which is revoked")
        }
        let status = try RevocationStatus(
            verifying: bytes, with: set.keys, issuer: expectedIssuer, at: time.wallClock(), leeway: configuration.leeway
        )
        let before = try state.withLock { state throws(StatusError) in
            let before = state.status
            try state.succeeded(
                status, tag: tag, age: age, sentAt: sentAt, time: time, poll: configuration.poll
            )
            let end = configuration.acceptsStale ? nil : state.end(leeway: configuration.leeway)
            let isNew = before?.revocations != status.revocations
            freshness.publish(isNew: isNew, until: end?.elapsed, wallClock: end?.wallClock)
            return before
        }
        if before?.number != status.number {
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
