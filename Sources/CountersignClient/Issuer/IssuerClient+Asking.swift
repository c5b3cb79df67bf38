internal import CountersignCrypto
internal import Logging
internal import Synchronization

extension IssuerClient {
    /// An answer and how it came to be.
    struct Exchange: Sendable {
        let answer: IssuerAnswer
        let url: String
        /// When the request was sent: whatever the issuer wrote is younger than this.
        let sentAt: Duration
    }

    /// Asks one address after the other until one gives an answer that `read` accepts. Waits and begins again when all have
    /// failed in a way that passes, as long as `budget` lasts. None gets so much of it that nothing is left for the next.
    ///
    /// - Parameter endpoint: that the request goes to at each address.
    /// - Throws: what the last address asked came to; the remembered failure, without asking, while all are left alone.
    func ask<Value: Sendable>(
        _ endpoint: IssuerAddress.Endpoint,
        within budget: Duration,
        _ request: @Sendable (IssuerAddress) -> IssuerRequest,
        read: @Sendable (Exchange) async throws(TokenError) -> Value
    ) async throws(TokenError) -> Value {
        let deadline = time.elapsed() + budget
        var fetch = AddressRotation.Fetch(endpoint: endpoint, deadline: deadline)
        var last: TokenError?
        while true {
            let now = time.elapsed()
            switch choice(for: fetch, at: now) {
            case .none:
                throw last ?? TokenError(.unreachable, "no issuer address is left to try")
            case .wait(let until, let error):
                guard error.isTemporary, until < deadline else { throw last ?? error.asRemembered(for: until - now) }
                do { try await time.sleep(until - now) } catch { throw .cancelled }
            case .ask(let index, let candidates):
                guard now < deadline else { throw last ?? Self.late(addresses[index].description) }
                fetch.asked.insert(index)
                do throws(TokenError) {
                    let exchange = try await send(request(addresses[index]), within: (deadline - now) / candidates)
                    let value = try await read(exchange)
                    failover.withLock { $0.rotation.succeeded(index, endpoint) }
                    return value
                } catch {
                    switch error.blame {
                    case .request:
                        if error.code == .refused { failover.withLock { $0.rotation.succeeded(index, endpoint) } }
                        // Callers that are less patient than we are would otherwise never get to the next address.
                        if error.code == .cancelled, time.elapsed() - now >= Self.longSilence {
                            failover.withLock { $0.rotation.wasLate(index) }
                        }
                        throw error
                    case .answer: fetch.excluded.insert(index)
                    case .endpoint:
                        failover.withLock { $0.rotation.failed(index, endpoint, with: error, startedAt: now, time: time) }
                    case .address:
                        failover.withLock { $0.rotation.failed(index, nil, with: error, startedAt: now, time: time) }
                    }
                    // An attempt that was cut short because the time was up says less than the one before it.
                    let isCutShort = error.code == .timedOut && time.elapsed() >= deadline
                    last = isCutShort ? last ?? error : error
                }
            }
        }
    }

    private func choice(for fetch: AddressRotation.Fetch, at now: Duration) -> AddressRotation.Choice {
        let certificate = transport.certificateSHA256
        return failover.withLock { failover in
            if failover.certificate != certificate {
                failover.certificate = certificate
                failover.rotation.reset()
            }
            return failover.rotation.choice(for: fetch, at: now)
        }
    }

    private func send(_ request: IssuerRequest, within limit: Duration) async throws(TokenError) -> Exchange {
        let sentAt = time.elapsed()
        let sentBy = time.wallClock()
        let transport = transport
        let answer = try await time.limit(
            to: min(limit, configuration.requestTimeout),
            orThrow: Self.late(request.url)
        ) { () async throws(TokenError) in
            try await transport.send(request)
        }
        compareClocks(answer, sentAt: sentBy)
        return Exchange(answer: answer, url: request.url, sentAt: sentAt)
    }

    private func compareClocks(_ answer: IssuerAnswer, sentAt: Timestamp) {
        guard let date = answer.header("Date").flatMap(HTTPDate.parse) else { return }
        let (receivedAt, now) = (time.wallClock(), time.elapsed())
        guard let notice = clock.withLock({ $0.note(date, sentAt: sentAt, receivedAt: receivedAt, at: now) }) else { return }
        logger.log(level: notice.isProblem ? .warning : .notice, "\(notice.message)", metadata: ["skew": "\(notice.skew)"])
    }

    /// An address that had not answered by then, when the request was given up, is not the best one to ask next.
    private static let longSilence = Duration.milliseconds(500)

    private static func late(_ url: String) -> TokenError {
        TokenError(.timedOut, "\(url) did not answer in time")
    }
}

extension TokenError {
    /// The failure of an earlier request, told again to whoever asks while the address is left alone.
    fileprivate func asRemembered(for rest: Duration) -> TokenError {
        var error = self
        if error.retryAfter != nil { error.retryAfter = rest }
        return error
    }
}
