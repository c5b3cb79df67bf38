internal import CountersignCrypto
internal import Logging
public import ServiceLifecycle
internal import Synchronization

extension TokenSource: Service {
    /// Renews tokens until shutdown. Requests that are on their way then are given up; what is in hand stays usable.
    public func run() async throws {
        runners.wrappingAdd(1, ordering: .relaxed)
        defer { runners.wrappingSubtract(1, ordering: .relaxed) }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                while !Task.isCancelled {
                    for request in self.claimDue() {
                        group.addTask {
                            let deadline = self.newDeadline
                            _ = await self.flights.valueIfFree(for: request) { await self.fetch(request, until: deadline) }
                        }
                    }
                    try? await self.time.sleep(self.pause())
                }
            }
        }
    }

    /// A certificate may be replaced at any time, so no pause is longer than this.
    static let longestPause = Duration.seconds(1)

    private func claimDue() -> [TokenRequest] {
        let certificate = issuer.certificateSHA256
        let now = time.elapsed()
        return state.withLock { state in
            state.cache.forget(unusedSince: now - configuration.forgetAfter)
            return state.cache.claimDue(at: now, certificate: certificate, for: configuration.fetchTimeout + Self.longestPause)
        }
    }

    private func pause() -> Duration {
        let now = time.elapsed()
        let next = state.withLock { $0.cache.nextDue(at: now) } ?? now + Self.longestPause
        return max(.milliseconds(20), min(next - now, Self.longestPause))
    }

    /// One fetch, with all its attempts. `nil` when the task was cancelled.
    ///
    /// - Parameters:
    ///   - deadline: of the call that it is done for, also when that has waited for somebody else's fetch before.
    ///   - rejected: the token in hand is not good enough when it is this one.
    func fetch(
        _ request: TokenRequest, until deadline: Duration, insteadOf rejected: AccessToken? = nil
    ) async -> Result<AccessToken, TokenError>? {
        // Another task may have fetched it between the look at the cache and this.
        if let token = fresh(request), token.value != rejected?.value { return .success(token) }
        let wallClock = time.wallClock()
        do throws(TokenError) {
            // A certificate replaced on the way makes the token useless; more than twice on the way is somebody else's trouble.
            for _ in 0..<2 {
                let token = try await ask(request, until: deadline, wallClock: wallClock)
                if token.certificateSHA256 == issuer.certificateSHA256 { return .success(token) }
            }
            return .success(try await ask(request, until: deadline, wallClock: wallClock))
        } catch {
            if error.code == .cancelled { return nil }
            failed(request, error)
            return .failure(error)
        }
    }

    private func ask(
        _ request: TokenRequest,
        until deadline: Duration,
        wallClock: Timestamp
    ) async throws(TokenError) -> AccessToken {
        // As long as the token in hand lives, none of another service takes its place.
        let (clientID, service) = (configuration.clientID, configuration.clientID ?? inHand(request)?.claims.serviceID)
        let (response, sentAt) = try await issuer.ask(.token, within: deadline - time.elapsed()) { address in
            request.message(to: address, clientID: clientID)
        } read: { exchange throws(TokenError) in
            (try TokenResponse(exchange, to: request, of: service, wallClock: wallClock), exchange.sentAt)
        }
        let generation = issuer.generation(of: response.token.certificateSHA256)
        state.withLock { state in
            state.cache.store(response, for: request, sentAt: sentAt, generation: generation, time: time)
        }
        return response.token
    }

    /// Of a call that begins now.
    var newDeadline: Duration { time.elapsed() + configuration.fetchTimeout }

    /// The valid token in hand. Looking is not using.
    func inHand(_ request: TokenRequest) -> AccessToken? {
        let certificate = issuer.certificateSHA256
        let now = time.elapsed()
        return state.withLock { $0.cache.entry(request)?.token(at: now, certificate: certificate) }
    }

    private func fresh(_ request: TokenRequest) -> AccessToken? {
        let certificate = issuer.certificateSHA256
        let now = time.elapsed()
        return state.withLock { $0.cache.fresh(request, at: now, certificate: certificate) }
    }

    private func failed(_ request: TokenRequest, _ error: TokenError) {
        let certificate = issuer.certificateSHA256
        let failure = state.withLock { $0.cache.fail(request, with: error, certificate: certificate, time: time) }
        guard failure.isNews else { return }
        logger.warning(
            "no new token",
            metadata: [
                "audience": "\(request.audience)", "code": "\(error.code)", "error": "\(error)",
                "valid_for": failure.tokenLife.map { "\($0.components.seconds) s" } ?? "no token in hand",
            ]
        )
    }
}
