internal import Countersign
internal import Logging
public import ServiceLifecycle
internal import Synchronization

extension RemoteKeySource: Service {
    /// Fetches at once and then keeps the set fresh until shutdown. An issuer that cannot be reached is asked again and again.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let pause = self.untilDue()
                if pause > .zero {
                    // Not in one piece: a set can become due before its time, when it is too old by a wall clock that was set.
                    try? await self.time.sleep(min(pause, .seconds(1)))
                } else {
                    _ = try? await self.fetched(within: self.configuration.fetchTimeout)
                }
            }
        }
    }

    /// How long until the next fetch; zero when it is time.
    func untilDue() -> Duration {
        let isUsable = isReady
        let now = time.elapsed()
        return state.withLock { max(.zero, $0.dueAt(isUsable: isUsable) - now) }
    }

    /// Fetches, or waits for the fetch that is on its way.
    func fetched(within budget: Duration) async throws(TokenError) -> KeySet {
        let deadline = time.elapsed() + budget
        let outcome = await flights.value(for: Fetch()) { await self.fetch(within: deadline - self.time.elapsed()) }
        guard let outcome else { throw TokenError.cancelled }
        return try outcome.get()
    }

    /// `nil` when the task was cancelled.
    func fetch(within budget: Duration) async -> Result<KeySet, TokenError>? {
        let tag = state.withLock { $0.tag }
        let wallClock = time.wallClock()
        let instance = issuer.configuration.instance
        do throws(TokenError) {
            let (answer, sentAt) = try await issuer.ask(.keySet, within: budget) { address in
                KeySetAnswer.request(to: address, tag: tag, instance: instance)
            } read: { exchange throws(TokenError) in
                (try KeySetAnswer(exchange, tag: tag), exchange.sentAt)
            }
            let set = state.withLock { state in
                let before = state.set
                let set = state.succeeded(answer, sentAt: sentAt, wallClock: wallClock, life: { refreshPoint(maxAge: $0) })
                let end = state.end(maxAge: configuration.maxAge)
                if set != nil { freshness.publish(isNew: set !== before, until: end.elapsed, wallClock: end.wallClock) }
                return set
            }
            guard let set else { throw TokenError(.answerMalformed, "the issuer confirmed a key set that was never fetched") }
            return .success(set)
        } catch {
            if error.code == .cancelled { return nil }
            state.withLock { $0.failed(error, time: time) }
            logger.warning(
                "no new key set",
                metadata: ["code": "\(error.code)", "error": "\(error)", "ready": "\(isReady)"]
            )
            return .failure(error)
        }
    }

    /// The set, confirmed by the issuer at or after a moment of `elapsed`: fetched again when it is older.
    ///
    /// - Throws: ``TokenError`` when it could not be had.
    func keySet(fetchedSince moment: Duration, within budget: Duration) async throws(TokenError) -> KeySet {
        if let set = state.withLock({ $0.set(fetchedSince: moment) }) { return set }
        let deadline = time.elapsed() + budget
        _ = try await fetched(within: budget)
        // A fetch that somebody else had begun before may have been the one that was waited for.
        if let set = state.withLock({ $0.set(fetchedSince: moment) }) { return set }
        return try await fetched(within: deadline - time.elapsed())
    }

    private func refreshPoint(maxAge: Duration?) -> Duration {
        let bounded = min(maxAge ?? configuration.usualRefresh, configuration.longestRefresh)
        return max(time.refreshPoint(of: bounded), configuration.shortestRefresh)
    }
}
